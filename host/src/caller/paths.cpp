// SPDX-License-Identifier: Apache-2.0
#include "caller/paths.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <new>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mount_table.hpp"
#include "caller/container.hpp"
#include "caller/container_access.hpp"
#include "caller/credentials.hpp"
#include "caller/descriptors.hpp"
#include "caller/path_split.hpp"
#include "caller/pin.hpp"
#include "caller/proc_file.hpp"
#include "caller/sized.hpp"

namespace deputyd
{
namespace
{

/// Where a path starts. Both descriptors, like the caller's status, are of a moment in which the call was
/// valid.
struct start {
    int root;      ///< the call's
    int directory; ///< the call's, or owned
    deputy::unique_fd owned;
};

std::int32_t pin_directory(deputy_call &call, std::int32_t dirfd, start &ret)
{
    if (dirfd == AT_FDCWD) {
        const std::int32_t r = pin_cwd(call);
        ret.directory = call.cwd.get();
        return r;
    }
    std::int32_t fd = -1;
    const std::int32_t r = get_descriptor(&call, dirfd, &fd);
    ret.owned.reset(fd);
    ret.directory = fd;
    return r;
}

std::int32_t pin_start(deputy_call &call, std::int32_t dirfd, const char *path, start &ret)
{
    const std::int32_t status = pin_status(call);
    const std::int32_t root = status < 0 ? status : pin_root(call);
    ret.root = ret.directory = call.root.get();
    std::int32_t directory = 0;
    if (root == 0 && path[0] != '/') {
        directory = pin_directory(call, dirfd, ret);
    }
    const std::int32_t valid = check_valid(call);
    if (valid < 0) {
        return valid;
    }
    return root < 0 ? root : directory;
}

/// Enters the caller's root and identity, opens, and leaves both. @return a descriptor or a negative errno.
std::int32_t open_as(const deputy_call &call, const start &from, const char *path, std::uint64_t flags)
{
    const in_root inside(from.root);
    if (inside.status() < 0) {
        return inside.status();
    }
    const as_caller as(*call.status);
    if (as.status() < 0) {
        return as.status();
    }
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | flags;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, from.directory, path, &how, sizeof how);
    return fd < 0 ? -errno : static_cast<std::int32_t>(fd);
}

std::int32_t refuse_procfs(int fd) noexcept
{
    struct statfs fs {
    };
    if (::fstatfs(fd, &fs) != 0) {
        return -errno;
    }
    return fs.f_type == PROC_SUPER_MAGIC ? -ELOOP : 0;
}

/// Whether a file system may be on the caller's paths that the kernel opens to processes of the caller's user
/// namespace alone.
bool has_fuse(int proc)
{
    const auto text = read_proc_file(proc, "mountinfo");
    if (!text) {
        return false;
    }
    const auto mounts = parse_mount_table(*text);
    return std::any_of(mounts.begin(), mounts.end(),
                       [](const mount_entry &m) { return m.type.starts_with("fuse"); });
}

/// Whether the caller could do what the host, as the caller but with no capability, was denied.
bool may_do_more(const deputy_call &call)
{
    constexpr std::uint64_t walks = 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH;
    return (call.status->effective_capabilities & walks) != 0 || has_fuse(call.proc);
}

/// The plain way first, which needs no other process. @return a descriptor or a negative errno.
std::int32_t open_as_exactly(deputy_call &call, const start &from, const char *path, std::uint64_t flags)
{
    const std::int32_t plain = open_as(call, from, path, flags);
    if (plain != -EACCES || !may_do_more(call)) {
        return plain;
    }
    return call.container->access->open(call, from.root, from.directory, path, flags).value_or(plain);
}

/// Opens a path of the caller. @return 0 or a negative errno.
std::int32_t open_path(deputy_call &call, std::int32_t dirfd, const char *path, std::uint64_t flags,
                       deputy::unique_fd &ret)
{
    start from{};
    std::int32_t r = pin_start(call, dirfd, path, from);
    if (r < 0) {
        return r;
    }
    ret.reset(open_as_exactly(call, from, path, flags));
    if (ret.get() < 0) {
        return ret.release();
    }
    r = refuse_procfs(ret.get());
    return r < 0 ? r : check_valid(call);
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
    if (const int fault = check_path(path); fault != 0) {
        return -fault;
    }
    deputy::unique_fd fd;
    const std::int32_t r = open_path(call, dirfd, path, flags, fd);
    if (r < 0) {
        return r;
    }
    *ret_fd = fd.release();
    return 0;
}

std::int32_t parent(deputy_call &call, std::int32_t dirfd, const char *path, deputy_last *ret_last,
                    std::int32_t *ret_directory)
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    if (ret_last->struct_size < sizeof ret_last->struct_size) {
        return -EINVAL;
    }
    if (const int fault = check_path(path); fault != 0) {
        return -fault;
    }
    const split_path parts = split(path);
    deputy::unique_fd directory;
    const std::int32_t r = open_path(call, dirfd, parts.directory.c_str(), O_DIRECTORY, directory);
    if (r < 0) {
        return r;
    }
    // Only a look-up in the directory would tell that a name is too long.
    if (parts.name.size() > NAME_MAX) {
        return -ENAMETOOLONG;
    }
    deputy_last last{};
    last.kind = parts.kind;
    last.trailing_slash = parts.trailing_slash ? 1 : 0;
    parts.name.copy(last.name, NAME_MAX);
    *ret_directory = directory.release();
    return give(last, ret_last);
}

} // namespace

std::int32_t resolve_path(deputy_call *call, std::int32_t dirfd, const char *path, std::uint64_t flags,
                          std::int32_t *ret_fd)
try {
    return resolve(*call, dirfd, path, flags, ret_fd);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

std::int32_t resolve_parent(deputy_call *call, std::int32_t dirfd, const char *path, deputy_last *ret_last,
                            std::int32_t *ret_directory)
try {
    return parent(*call, dirfd, path, ret_last, ret_directory);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

} // namespace deputyd
