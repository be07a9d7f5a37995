// SPDX-License-Identifier: Apache-2.0
// deputy-access: opens paths with the ids and capabilities of a container's processes, inside the
// container's user namespace, which a process of several threads such as the host cannot join. It is a
// program of its own, so that it has nothing of the host's memory, and holds no descriptor but its socket, no
// capability outside of that namespace, and no place in the container's pid namespace. It ends with the
// socket.
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/passed_fds.hpp"
#include "caller/access_protocol.hpp"

namespace
{

using namespace deputyd;

struct request {
    access_request head;
    std::array<gid_t, access_groups> groups;
    std::array<char, PATH_MAX> path;
    deputy::unique_fd fds[3]; ///< root, start, home
};

bool join_user_ns() noexcept
{
    ::close_range(access_user_ns + 1, ~0U, 0);
    const bool joined = ::prctl(PR_SET_DUMPABLE, 0) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                        ::setns(access_user_ns, CLONE_NEWUSER) == 0 &&
                        ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0;
    return ::close(access_user_ns) == 0 && joined;
}

/// @return false at the end of the host, or of what it says.
bool receive(request &r)
{
    alignas(access_request) std::array<std::byte, access_request_most> bytes;
    const ssize_t n = receive_fds(access_socket, bytes, r.fds);
    if (n < static_cast<ssize_t>(sizeof r.head) || !r.fds[0] || !r.fds[1] || !r.fds[2]) {
        return false;
    }
    std::memcpy(&r.head, bytes.data(), sizeof r.head);
    if (r.head.group_count > r.groups.size() || r.head.path_size > r.path.size() || r.head.path_size == 0) {
        return false;
    }
    const std::size_t groups_size = r.head.group_count * sizeof(gid_t);
    if (static_cast<std::size_t>(n) != sizeof r.head + groups_size + r.head.path_size) {
        return false;
    }
    std::memcpy(r.groups.data(), bytes.data() + sizeof r.head, groups_size);
    std::memcpy(r.path.data(), bytes.data() + sizeof r.head + groups_size, r.head.path_size);
    return r.path[r.head.path_size - 1] == '\0';
}

/// All of the namespace's are permitted for good; these are effective.
bool set_capabilities(std::uint64_t effective) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) != 0) {
        return false;
    }
    data[0].effective = data[0].permitted & static_cast<std::uint32_t>(effective);
    data[1].effective = data[1].permitted & static_cast<std::uint32_t>(effective >> 32);
    return ::syscall(SYS_capset, &header, data) == 0;
}

bool take_ids(const request &r) noexcept
{
    const auto &uid = r.head.uid;
    const auto &gid = r.head.gid;
    if (::setgroups(r.head.group_count, r.groups.data()) != 0 || ::setresgid(gid[0], gid[1], gid[2]) != 0 ||
        ::setresuid(uid[0], uid[1], uid[2]) != 0) {
        return false;
    }
    ::setfsgid(gid[3]);
    ::setfsuid(uid[3]);
    constexpr auto asked = static_cast<uid_t>(-1);
    errno = EPERM;
    return static_cast<uid_t>(::setfsuid(asked)) == uid[3] && static_cast<gid_t>(::setfsgid(asked)) == gid[3];
}

/// Takes on the caller's ids, root and, last, capabilities.
bool become(const request &r) noexcept
{
    // A change of ids makes a process dumpable again where the administrator wants that.
    return set_capabilities(~0ULL) && take_ids(r) && ::prctl(PR_SET_DUMPABLE, 0) == 0 &&
           ::fchdir(r.fds[0].get()) == 0 && ::chroot(".") == 0 && set_capabilities(r.head.capabilities);
}

/// Leaves the caller's root, which could not be unmounted while a process is in it.
bool go_home(const request &r) noexcept
{
    return set_capabilities(~0ULL) && ::fchdir(r.fds[2].get()) == 0 && ::chroot(".") == 0;
}

/// @return false if it cannot serve another.
bool serve(const request &r)
{
    access_answer answer{0, become(r) ? 1U : 0U};
    deputy::unique_fd fd;
    if (answer.became != 0) {
        open_how how{};
        how.flags = O_PATH | O_CLOEXEC | r.head.flags;
        how.resolve = RESOLVE_NO_MAGICLINKS;
        fd.reset(static_cast<int>(::syscall(SYS_openat2, r.fds[1].get(), r.path.data(), &how, sizeof how)));
    }
    if (!fd) {
        answer.result = -errno;
    }
    const bool at_home = go_home(r);
    iovec part{&answer, sizeof answer};
    const int sent = fd.get();
    return send_fds(access_socket, {&part, 1}, {&sent, fd ? 1U : 0U}) == 0 && at_home;
}

} // namespace

int main()
{
    if (!join_user_ns()) {
        return 1;
    }
    for (;;) {
        request r;
        if (!receive(r) || !serve(r)) {
            return 0;
        }
    }
}
