// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <linux/openat2.h>

#include <deputy/plugin.hpp>

namespace open_plugin
{

/// What a caller asks for, in the form of openat2(2): the path is copied once, the flags are those that the
/// kernel would look at.
struct open_request {
    std::int32_t dirfd;
    std::string path;
    open_how how{};
    bool small_files = false; ///< a 32-bit program that did not ask for O_LARGEFILE
};

/// The flags and mode of open(2), openat(2) and creat(2) as the kernel turns them into those of openat2(2).
open_how how_of(std::uint32_t flags, std::uint32_t mode);

/// Whether the caller's files end at 2 GiB: open() and openat() of a 32-bit program without O_LARGEFILE.
bool has_small_files(std::uint32_t arch, std::uint32_t flags);

/// Whether the kernel takes these flags, mode and resolve at all: it looks at them before the path.
bool kernel_takes(const open_how &how);

constexpr bool wants_to_write(const open_how &how)
{
    return (how.flags & O_ACCMODE) != O_RDONLY;
}

} // namespace open_plugin
