// SPDX-License-Identifier: Apache-2.0
#include "profile/architectures.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <seccomp.h>

namespace deputyd::profile
{
namespace
{

constexpr int highest_number = 1023; ///< of system calls; there are about 470
constexpr int x32_bit = 0x40000000;

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

std::vector<std::uint32_t> numbers_of(const std::vector<std::string> &names)
{
    std::vector<std::uint32_t> all;
    for (const std::string &name : names) {
        std::string text = name.starts_with("SCMP_ARCH_") ? name.substr(10) : name;
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (const std::uint32_t number = seccomp_arch_resolve_name(text.c_str()); number != 0) {
            all.push_back(number);
        }
    }
    return all;
}

std::set<std::string> syscalls_of(const std::vector<std::uint32_t> &architectures)
{
    std::set<std::string> names;
    for (const std::uint32_t arch : architectures) {
        const int bit = arch == SCMP_ARCH_X32 ? x32_bit : 0;
        for (int nr = 0; nr <= highest_number; ++nr) {
            const std::unique_ptr<char, decltype(&std::free)> name(
                seccomp_syscall_resolve_num_arch(arch, nr | bit), &std::free);
            if (name != nullptr) {
                names.emplace(name.get());
            }
        }
    }
    return names;
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
