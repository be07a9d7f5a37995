// SPDX-License-Identifier: Apache-2.0
#include "intake/origin.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/mount_table.hpp"
#include "intake/subordinate_ids.hpp"

namespace deputyd
{
namespace
{

using deputy::unique_fd;

[[noreturn]] void refuse(const std::string &reason)
{
    throw std::runtime_error(reason);
}

/// A process that cannot be taken for another: what is read through its directory is its own, or fails.
struct pinned_process {
    unique_fd pidfd;
    unique_fd directory; ///< /proc/PID

    explicit pinned_process(pid_t pid)
        : pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
          directory(open(fmt::format("/proc/{}", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))
    {
        if (!pidfd || !directory || !alive()) {
            refuse(fmt::format("its process {} is gone", pid));
        }
    }
    bool alive() const
    {
        pollfd state{pidfd.get(), POLLIN, 0};
        return poll(&state, 1, 0) == 0;
    }
};

std::string read_file(int directory, const char *name)
{
    const unique_fd fd(openat(directory, name, O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t n = fd ? read(fd.get(), part.data(), part.size()) : -1;
        if (n < 0) {
            refuse(fmt::format("its {} cannot be read: {}", name, std::strerror(errno)));
        }
        if (n == 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(n));
    }
}

unique_fd open_namespace(const pinned_process &p, const char *name)
{
    unique_fd fd(openat(p.directory.get(), name, O_RDONLY | O_CLOEXEC));
    if (!fd) {
        refuse(fmt::format("its {} cannot be opened: {}", name, std::strerror(errno)));
    }
    return fd;
}

/// The process's cgroup as its own cgroup namespace sees it. On a thread of its own, which enters that.
std::string path_in_own_namespace(const pinned_process &p)
{
    const unique_fd ns = open_namespace(p, "ns/cgroup");
    std::string path;
    std::string problem;
    std::thread([&] {
        if (setns(ns.get(), CLONE_NEWCGROUP) != 0) {
            problem = fmt::format("its cgroup namespace cannot be entered: {}", std::strerror(errno));
            return;
        }
        try {
            path = cgroup2_path(read_file(p.directory.get(), "cgroup"));
        } catch (const std::runtime_error &e) {
            problem = e.what();
        }
    }).join();
    if (!problem.empty()) {
        refuse(problem);
    }
    return path;
}

/// The root of the process's cgroup namespace, or its cgroup where it shares ours; "/" where that is all.
std::string own_cgroup_path(const pinned_process &p)
{
    const std::string here = cgroup2_path(read_file(p.directory.get(), "cgroup"));
    struct stat its {
    }, ours{};
    if (fstatat(p.directory.get(), "ns/cgroup", &its, 0) != 0 || stat("/proc/self/ns/cgroup", &ours) != 0) {
        refuse(fmt::format("its cgroup namespace cannot be seen: {}", std::strerror(errno)));
    }
    if (its.st_ino == ours.st_ino) {
        return here;
    }
    const std::string inside = path_in_own_namespace(p);
    if (inside == "/" || inside.empty()) {
        return here;
    }
    if (!here.ends_with(inside)) { // it moved between the two reads, or lies outside its namespace
        refuse("its cgroup is not below the root of its cgroup namespace");
    }
    const std::string root = here.substr(0, here.size() - inside.size());
    return root.empty() ? "/" : root;
}

unique_fd open_cgroup_root()
{
    for (const char *path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        unique_fd fd(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
        struct statfs st {
        };
        if (fd && fstatfs(fd.get(), &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC) {
            return fd;
        }
    }
    return {};
}

void check_map(const std::string &map, const std::vector<id_extent> &granted, const char *what)
{
    const auto extents = mapped_extents(map);
    const auto covered = [&](const id_extent &e) { return within(e, granted); };
    if (extents.empty() || !std::all_of(extents.begin(), extents.end(), covered)) {
        refuse(fmt::format("its {} has ids that the sender was not granted in /etc/{}", what,
                           std::strcmp(what, "uid_map") == 0 ? "subuid" : "subgid"));
    }
}

/// What a sender that is not root must own.
void check_owner(const pinned_process &p, int user_ns, int cgroup, const peer &sender)
{
    const granted_ids granted = granted_to(sender.uid, sender.gid);
    uid_t maker = 0;
    if (ioctl(user_ns, NS_GET_OWNER_UID, &maker) != 0 || !within({maker, 1}, granted.uids)) {
        refuse(fmt::format("its user namespace was not made by the sender, uid {}", sender.uid));
    }
    check_map(read_file(p.directory.get(), "uid_map"), granted.uids, "uid_map");
    check_map(read_file(p.directory.get(), "gid_map"), granted.gids, "gid_map");
    struct stat st {
    };
    if (cgroup >= 0 && (fstat(cgroup, &st) != 0 || !within({st.st_uid, 1}, granted.uids))) {
        refuse(fmt::format("its cgroup does not belong to the sender, uid {}", sender.uid));
    }
}

} // namespace

unique_fd open_cgroup(const std::string &path)
{
    const unique_fd root = open_cgroup_root();
    if (!root || path.size() < 2) {
        return {};
    }
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    unique_fd fd(static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str() + 1, &how, sizeof how)));
    if (!fd) {
        refuse(fmt::format("its cgroup {} cannot be opened: {}", escaped(path), std::strerror(errno)));
    }
    return fd;
}

origin find_origin(pid_t init, const peer &sender)
{
    const pinned_process p(init);
    origin o;
    const unique_fd user_ns = open_namespace(p, "ns/user");
    struct stat st {
    };
    if (fstat(user_ns.get(), &st) != 0) {
        refuse(std::strerror(errno));
    }
    o.user_ns = st.st_ino;
    o.cgroup_path = own_cgroup_path(p);
    o.cgroup = open_cgroup(o.cgroup_path);
    if (sender.uid != 0) {
        check_owner(p, user_ns.get(), o.cgroup.get(), sender);
    }
    if (!p.alive()) {
        refuse("its process ended");
    }
    return o;
}

} // namespace deputyd
