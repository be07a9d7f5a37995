// SPDX-License-Identifier: Apache-2.0
#include "base/syscall_name.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <seccomp.h>

namespace deputyd
{
namespace
{

constexpr std::int32_t x32_bit = 0x40000000;
constexpr std::int32_t i386_socketcall = 102;
constexpr std::int32_t i386_ipc = 117;

bool is_x32(std::uint32_t arch, std::int32_t nr)
{
    return arch == SCMP_ARCH_X86_64 && (nr & x32_bit) != 0;
}

/// @param arch SCMP_ARCH_*, which are AUDIT_ARCH_* but for x32.
std::string known_name(std::uint32_t arch, std::int32_t nr)
{
    const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(arch, nr),
                                                           &std::free);
    return name == nullptr ? "" : name.get();
}

/// libseccomp's number for a call that i386 multiplexes, or -1.
std::int32_t multiplexed(std::int32_t nr, std::uint64_t first_argument)
{
    // The kernel takes an int; in ipc's upper half is a version.
    const std::uint64_t which = first_argument & (nr == i386_ipc ? 0xffff : 0xffffffff);
    if (which == 0 || which > 99) {
        return -1;
    }
    const auto offset = static_cast<std::int32_t>(which);
    return nr == i386_socketcall ? -100 - offset : nr == i386_ipc ? -200 - offset : -1;
}

} // namespace

std::string syscall_name(std::uint32_t arch, std::int32_t nr, std::uint64_t first_argument)
{
    const std::int32_t inner = arch == SCMP_ARCH_X86 ? multiplexed(nr, first_argument) : -1;
    if (std::string name = inner == -1 ? "" : known_name(arch, inner); !name.empty()) {
        return name;
    }
    return known_name(is_x32(arch, nr) ? SCMP_ARCH_X32 : arch, nr);
}

std::string architecture_name(std::uint32_t arch, std::int32_t nr)
{
    switch (arch) {
    case SCMP_ARCH_X86_64:
        return is_x32(arch, nr) ? "x32" : "x86_64";
    case SCMP_ARCH_X86:
        return "x86";
    case SCMP_ARCH_AARCH64:
        return "aarch64";
    case SCMP_ARCH_ARM:
        return "arm";
    case SCMP_ARCH_RISCV64:
        return "riscv64";
    default:
        return fmt::format("architecture {:#x}", arch);
    }
}

bool is_syscall(const std::string &name)
{
    return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR;
}

} // namespace deputyd
