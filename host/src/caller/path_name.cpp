// SPDX-License-Identifier: Apache-2.0
// The kernel's text for a descriptor is ambiguous: " (deleted)" may be part of a name, and what is not below
// the reader's root looks as if it were. So the text is looked up again, and counts only if it leads to the
// same object through the same mount.
#include "caller/path_name.hpp"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/credentials.hpp"
#include "caller/pin.hpp"

namespace deputyd
{
namespace
{

constexpr int attempts = 4; // a rename between text and look-up makes them differ

bool is_same(int a, int b) noexcept
{
    struct statx of[2]{};
    const int fds[2] = {a, b};
    for (int i = 0; i < 2; ++i) {
        constexpr unsigned wanted = STATX_INO | STATX_MNT_ID;
        if (::statx(fds[i], "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &of[i]) != 0 ||
            (of[i].stx_mask & wanted) != wanted) {
            return false;
        }
    }
    // One mount of btrfs has several devices, which count inodes on their own.
    return of[0].stx_ino == of[1].stx_ino && of[0].stx_dev_major == of[1].stx_dev_major &&
           of[0].stx_dev_minor == of[1].stx_dev_minor && of[0].stx_mnt_id == of[1].stx_mnt_id;
}

/// Opens a path of the thread's root, symbolic links nowhere.
deputy::unique_fd look_up(const char *path) noexcept
{
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
    how.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
    return deputy::unique_fd{static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how))};
}

/// The text of a descriptor from the thread's root. @return its length or a negative errno.
/// @param links the directory of the thread's descriptors in procfs.
std::int32_t read_text(int links, int fd, char (&text)[PATH_MAX]) noexcept
{
    char number[16];
    std::snprintf(number, sizeof number, "%d", fd);
    const ssize_t n = ::readlinkat(links, number, text, sizeof text - 1);
    if (n < 0) {
        return errno == ENOENT ? -EBADF : -errno;
    }
    text[n] = '\0';
    return static_cast<std::int32_t>(n);
}

std::int32_t find_name(int root, int links, int fd, char (&text)[PATH_MAX]) noexcept
{
    const in_root inside(root);
    if (inside.status() < 0) {
        return inside.status();
    }
    for (int i = 0; i < attempts; ++i) {
        const std::int32_t n = read_text(links, fd, text);
        if (n < 0) {
            return n;
        }
        if (text[0] != '/') { // a pipe, a socket
            return -ENOENT;
        }
        const deputy::unique_fd found = look_up(text);
        if (found && is_same(found.get(), fd)) {
            return n;
        }
    }
    return -ENOENT;
}

} // namespace

std::int32_t name_path(deputy_call *call, std::int32_t fd, char *buffer, std::uint64_t size)
{
    if (call->turn->answered()) {
        return -ECANCELED;
    }
    if (fd < 0) {
        return -EBADF;
    }
    const std::int32_t root = pin_root(*call);
    const std::int32_t valid = check_valid(*call);
    if (valid < 0 || root < 0) {
        return valid < 0 ? valid : root;
    }
    const deputy::unique_fd links{::open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!links) {
        return -errno;
    }
    char text[PATH_MAX];
    const std::int32_t n = find_name(call->root.get(), links.get(), fd, text);
    if (n < 0) {
        return n;
    }
    if (static_cast<std::uint64_t>(n) >= size) {
        return -ENAMETOOLONG;
    }
    std::memcpy(buffer, text, static_cast<std::size_t>(n) + 1);
    return n;
}

} // namespace deputyd
