// SPDX-License-Identifier: Apache-2.0
#include "caller/paths.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <new>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "caller/credentials.hpp"
#include "caller/descriptors.hpp"
#include "caller/pin.hpp"
#include "caller/proc_status.hpp"

namespace deputyd
{
namespace
{

/// Where a path starts, and as whom: all by descriptor, all of one moment in which the call was valid.
struct start {
    deputy::unique_fd root;
    deputy::unique_fd directory;
    proc_status caller;
};

deputy::result<deputy::unique_fd> open_link(int proc, const char *name)
{
    const int fd = ::openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return deputy::error{errno == ENOENT ? ESRCH : errno};
    }
    return deputy::unique_fd{fd};
}

deputy::result<deputy::unique_fd> open_directory(deputy_call &call, std::int32_t dirfd)
{
    if (dirfd == AT_FDCWD) {
        return open_link(call.proc, "cwd");
    }
    std::int32_t fd = -1;
    const std::int32_t r = get_descriptor(&call, dirfd, &fd);
    if (r < 0) {
        return deputy::error{-r};
    }
    return deputy::unique_fd{fd};
}

deputy::result<start> pin_start(deputy_call &call, std::int32_t dirfd, bool relative)
{
    const int proc = pin_proc(call);
    if (proc < 0) {
        return deputy::error{-proc};
    }
    start s;
    auto root = open_link(proc, "root");
    auto status = read_status(proc);
    deputy::result<deputy::unique_fd> directory = deputy::unique_fd{};
    if (relative) {
        directory = open_directory(call, dirfd);
    }
    const std::int32_t valid = check_valid(call);
    if (valid < 0) {
        return deputy::error{-valid};
    }
    for (const int number : {root.error_number(), status.error_number(), directory.error_number()}) {
        if (number != 0) {
            return deputy::error{number};
        }
    }
    s.root = *std::move(root);
    s.directory = *std::move(directory);
    s.caller = *std::move(status);
    return s;
}

/// Enters the caller's root and identity, opens, and leaves both.
std::int32_t open_as(const start &from, const char *path, std::uint64_t flags)
{
    const in_root inside(from.root.get());
    if (inside.status() < 0) {
        return inside.status();
    }
    const as_caller as(from.caller);
    if (as.status() < 0) {
        return as.status();
    }
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | flags;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    const int directory = from.directory ? from.directory.get() : from.root.get();
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    return fd < 0 ? -errno : static_cast<std::int32_t>(fd);
}

std::int32_t resolve(deputy_call &call, std::int32_t dirfd, const char *path, std::uint64_t flags,
                     std::int32_t *ret_fd)
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    if ((flags & ~static_cast<std::uint64_t>(O_NOFOLLOW | O_DIRECTORY)) != 0) {
        return -EINVAL;
    }
    const auto from = pin_start(call, dirfd, path[0] != '/');
    if (!from) {
        return -from.error_number();
    }
    deputy::unique_fd fd{open_as(*from, path, flags)};
    if (fd.get() < 0) {
        return fd.get();
    }
    struct statfs fs {
    };
    if (::fstatfs(fd.get(), &fs) != 0) {
        return -errno;
    }
    if (fs.f_type == PROC_SUPER_MAGIC) {
        return -ELOOP;
    }
    const std::int32_t valid = check_valid(call);
    if (valid < 0) {
        return valid;
    }
    *ret_fd = fd.release();
    return 0;
}

} // namespace

std::int32_t resolve_path(deputy_call *call, std::int32_t dirfd, const char *path, std::uint64_t flags,
                          std::int32_t *ret_fd)
try {
    return resolve(*call, dirfd, path, flags, ret_fd);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

} // namespace deputyd
