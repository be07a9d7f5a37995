// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace deputyd
{

constexpr int highest_errno = 4095;

/// Whether a system call can fail with it. The codes from 512 to 531 the kernel keeps to itself: restarts,
/// and those of NFS.
constexpr bool is_errno(std::int64_t number) noexcept
{
    return number > 0 && number <= highest_errno && (number < 512 || number > 531);
}

/// "EPERM" for 1; the number for one that has no name.
std::string errno_name(int number);
/// The errno of that name, or 0.
int errno_by_name(const std::string &name);

} // namespace deputyd
