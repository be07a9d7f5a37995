// SPDX-License-Identifier: Apache-2.0
#include "host_side.hpp"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace open_plugin
{
namespace
{

using deputy::unique_fd;

/// RESOLVE_BENEATH gives up when something is renamed meanwhile; the kernel's own walk would not.
constexpr int most_tries = 16;
constexpr off_t small_file_limit = 0x7fffffff;
constexpr std::uint64_t unnamed_file = O_TMPFILE & ~O_DIRECTORY;

std::optional<struct stat> status_of(const unique_fd &fd)
{
    struct stat st {
    };
    return ::fstat(fd.get(), &st) == 0 ? std::optional(st) : std::nullopt;
}

} // namespace

host_side::host_side(deputy::call &call, const match &m, const open_request &request, std::uint64_t grant)
    : call_(call), rule_(*m.by), path_(m.by->within(m.rest)), request_(request), how_(request.how),
      grant_(grant)
{
    how_.flags &= ~static_cast<std::uint64_t>(O_CLOEXEC);
    how_.resolve = (how_.resolve & RESOLVE_NO_SYMLINKS) | rule_.resolve();
}

host_side::opened host_side::open()
{
    if (rule_.slow()) {
        if (const auto ready = call_.block(); !ready) {
            return deputy::error{ready.error_number()};
        }
    }
    const auto found = look_up(request_.how.flags & (O_DIRECTORY | O_NOFOLLOW));
    if (const auto allowed = check_access(found); !allowed) {
        return deputy::error{allowed.error_number()};
    }
    if (const auto ready = prepare_to_wait(found); !ready) {
        return deputy::error{ready.error_number()};
    }
    const bool makes = (how_.flags & O_CREAT) != 0 && found.error_number() == ENOENT;
    auto fd = makes ? create() : open_waiting();
    return fd ? fit_to_send(*std::move(fd)) : std::move(fd);
}

/// What is there, without opening it.
host_side::opened host_side::look_up(std::uint64_t flags)
{
    open_how how{};
    how.flags = O_PATH | (flags & (O_DIRECTORY | O_NOFOLLOW));
    how.resolve = how_.resolve;
    return open_at(rule_.base(), path_, how);
}

host_side::opened host_side::open_at(int directory, const std::string &path, open_how how)
{
    for (int tries = 1;; ++tries) {
        auto fd = call_.open(directory, path.c_str(), how, grant_);
        if (fd.error_number() != EAGAIN || tries == most_tries) {
            return fd;
        }
    }
}

/// "ro" is decided where the kernel would look at permissions: what is not there is not found first.
deputy::result<void> host_side::check_access(const opened &found)
{
    const bool writes = wants_to_write(how_) || (how_.flags & (O_TRUNC | O_CREAT | unnamed_file)) != 0;
    if (rule_.writable() || !writes) {
        return {};
    }
    if (!found && !(found.error_number() == ENOENT && (how_.flags & O_CREAT) != 0)) {
        return deputy::error{found.error_number()};
    }
    if (found && (how_.flags & O_CREAT) != 0 && (how_.flags & O_EXCL) != 0) {
        return deputy::error{EEXIST};
    }
    const auto st = found ? status_of(*found) : std::nullopt;
    const bool directory = st && S_ISDIR(st->st_mode) && (how_.flags & unnamed_file) == 0;
    return deputy::error{directory ? EISDIR : EACCES};
}

/// FIFOs and devices may wait for their other side as long as they like.
deputy::result<void> host_side::prepare_to_wait(const opened &found)
{
    const auto st = found ? status_of(*found) : std::nullopt;
    if (rule_.slow() || !st || S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) {
        return {};
    }
    return call_.block();
}

host_side::opened host_side::open_waiting()
{
    for (;;) {
        auto fd = open_at(rule_.base(), path_, how_);
        if (fd.error_number() != EINTR) {
            return fd;
        }
        if (const auto go_on = call_.interrupted(); !go_on) {
            return deputy::error{go_on.error_number()};
        }
    }
}

/// Makes a file that was not there, so that undo knows it for ours. Where that does not fit (a dangling link,
/// no name to make) the kernel's own way is gone.
host_side::opened host_side::create()
{
    const std::size_t slash = path_.rfind('/');
    const std::string name = slash == path_.npos ? path_ : path_.substr(slash + 1);
    if (name.empty() || name == "." || name == ".." || name.size() >= sizeof made_file::name) {
        return open_waiting();
    }
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY;
    how.resolve = how_.resolve;
    const auto directory = open_at(rule_.base(), slash == path_.npos ? "." : path_.substr(0, slash), how);
    if (!directory) {
        return open_waiting();
    }
    auto made = open_in(*directory, name);
    if (made.error_number() != EEXIST || (how_.flags & O_EXCL) != 0) {
        return made;
    }
    return open_waiting();
}

host_side::opened host_side::open_in(const unique_fd &directory, const std::string &name)
{
    made_file token{};
    token.grant = grant_;
    name.copy(token.name, sizeof token.name - 1);
    if (const auto may = call_.commit(token); !may) {
        return deputy::error{may.error_number()};
    }
    open_how how = how_;
    how.flags |= O_EXCL;
    auto fd = open_at(directory.get(), name, how);
    const auto st = fd ? status_of(*fd) : std::nullopt;
    token.inode = st ? st->st_ino : 0;
    call_.keep(unique_fd{::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)});
    // If this comes too late the file stays, empty: whose it is can no longer be said.
    if (const auto may = call_.commit(token); !may) {
        return deputy::error{may.error_number()};
    }
    return fd;
}

host_side::opened host_side::fit_to_send(unique_fd fd)
{
    const auto st = status_of(fd);
    if (!st) {
        return deputy::error{errno};
    }
    if (request_.small_files && S_ISREG(st->st_mode) && st->st_size > small_file_limit) {
        return deputy::error{EOVERFLOW};
    }
    if (S_ISDIR(st->st_mode)) {
        return detached(fd, true);
    }
    // Through /proc/self/fd a read-only descriptor of a writable mount could be opened again for writing.
    return S_ISREG(st->st_mode) && !rule_.writable() ? detached(fd, false) : opened(std::move(fd));
}

/// Opens it again as the root of a mount of its own, which nothing else is part of: no dot-dot leads out.
host_side::opened host_side::detached(const unique_fd &fd, bool directory)
{
    const unique_fd tree{::open_tree(
        fd.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | static_cast<unsigned>(AT_EMPTY_PATH))};
    if (!tree) {
        return deputy::error{errno};
    }
    mount_attr attributes{};
    attributes.propagation = MS_PRIVATE;
    attributes.attr_set = MOUNT_ATTR_NOSUID;
    if (!rule_.writable()) {
        attributes.attr_set |= MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV; // a device on it could still be written
    }
    if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
        return deputy::error{errno};
    }
    // The rights were looked at when fd was opened.
    const int flags =
        static_cast<int>(how_.flags & ~static_cast<std::uint64_t>(O_CREAT | O_EXCL)) | O_CLOEXEC;
    const std::string link = "/proc/self/fd/" + std::to_string(tree.get());
    unique_fd again{directory ? ::openat(tree.get(), ".", flags) : ::open(link.c_str(), flags & ~O_NOFOLLOW)};
    return again ? opened(std::move(again)) : opened(deputy::error{errno});
}

void remove_made_file(const deputy::undo_request &request)
{
    const auto made = request.as<made_file>();
    const int directory = request.kept();
    if (made.inode == 0 || directory < 0) {
        return;
    }
    struct stat st {
    };
    const bool ours = ::fstatat(directory, made.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                      st.st_ino == made.inode && S_ISREG(st.st_mode) && st.st_size == 0;
    if (ours) {
        // What fails leaves an empty file, as a caller that dies after its own open() does.
        (void)request.unlink(directory, made.name, 0, made.grant);
    }
}

} // namespace open_plugin
