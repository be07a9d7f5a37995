// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace deputyd
{

/// The name of a system call as a seccomp notification has it, or "" for one that libseccomp does not know.
/// What i386 multiplexes in socketcall and ipc has its own name, by which profiles deny it too.
/// @param arch AUDIT_ARCH_*; x32 is x86_64 with a bit in the number.
/// @param first_argument says which it is of those that are multiplexed.
std::string syscall_name(std::uint32_t arch, std::int32_t nr, std::uint64_t first_argument);

/// The name of such a call's architecture, as libseccomp's functions take it: "x86_64".
std::string architecture_name(std::uint32_t arch, std::int32_t nr);

/// Whether libseccomp knows a system call of that name, on any architecture.
bool is_syscall(const std::string &name);

} // namespace deputyd
