// SPDX-License-Identifier: Apache-2.0
#include "request.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace open_plugin
{
namespace
{

// glibc's O_LARGEFILE is 0 where it is always on.
#if defined(__aarch64__) || defined(__arm__)
constexpr std::uint32_t large_file = 0400000;
#else
constexpr std::uint32_t large_file = 0100000;
#endif

/// All that open(2) looks at; it ignores the other bits.
constexpr std::uint32_t valid_flags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                      O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | O_DIRECTORY |
                                      O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE | large_file;
/// With O_PATH it ignores all but these.
constexpr std::uint32_t path_flags = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
constexpr std::uint32_t unnamed_file = O_TMPFILE & ~O_DIRECTORY;

} // namespace

open_how how_of(std::uint32_t flags, std::uint32_t mode)
{
    open_how how{};
    how.flags = flags & valid_flags;
    if ((how.flags & O_PATH) != 0) {
        how.flags &= path_flags;
    }
    if ((how.flags & (O_CREAT | unnamed_file)) != 0) {
        how.mode = mode & 07777;
    }
    return how;
}

bool has_small_files(std::uint32_t arch, std::uint32_t flags)
{
    return (arch & __AUDIT_ARCH_64BIT) == 0 && (flags & large_file) == 0;
}

bool kernel_takes(const open_how &how)
{
    // No descriptor -1 is ever found, so nothing is opened.
    const long fd = ::syscall(SYS_openat2, -1, "x", &how, sizeof how);
    return fd < 0 && errno != EINVAL && errno != EAGAIN;
}

} // namespace open_plugin
