// SPDX-License-Identifier: Apache-2.0
#include "profile/architectures.hpp"

#include <algorithm>

namespace deputyd::profile
{
namespace
{

const std::vector<architecture_family> &known()
{
    static const std::vector<architecture_family> all = {
        {"SCMP_ARCH_X86_64", {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}, "amd64"},
        {"SCMP_ARCH_AARCH64", {"SCMP_ARCH_ARM"}, "arm64"},
        {"SCMP_ARCH_RISCV64", {}, "riscv64"},
    };
    return all;
}

} // namespace

std::vector<std::string> architecture_family::all() const
{
    std::vector<std::string> names = {name};
    names.insert(names.end(), others.begin(), others.end());
    return names;
}

const architecture_family *find_architectures(const std::string &name)
{
    const auto found = std::find_if(known().begin(), known().end(),
                                    [&](const architecture_family &f) { return f.name == name; });
    return found == known().end() ? nullptr : &*found;
}

const architecture_family &native_architectures()
{
#if defined(__x86_64__)
    return *find_architectures("SCMP_ARCH_X86_64");
#elif defined(__aarch64__)
    return *find_architectures("SCMP_ARCH_AARCH64");
#elif defined(__riscv)
    return *find_architectures("SCMP_ARCH_RISCV64");
#else
#error "add this machine's architectures here and to plugin/handler_table.cpp"
#endif
}

} // namespace deputyd::profile
