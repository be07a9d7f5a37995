// SPDX-License-Identifier: Apache-2.0
#include "caller/pin.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/proc_status.hpp"

namespace deputyd
{
namespace
{

constexpr unsigned pidfd_thread = O_EXCL; // PIDFD_THREAD, Linux 6.9

int pidfd_open(std::uint32_t pid, unsigned flags) noexcept
{
    const long fd = ::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), flags);
    return fd < 0 ? -errno : static_cast<int>(fd);
}

/// For kernels without PIDFD_THREAD: the leader, if it has the same descriptor table.
int pidfd_of_leader(deputy_call &call) noexcept
{
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    const std::int32_t tgid = read_tgid(proc);
    if (tgid < 0) {
        return tgid;
    }
    const auto tid = call.syscall.tid;
    if (static_cast<std::uint32_t>(tgid) != tid &&
        ::syscall(SYS_kcmp, static_cast<pid_t>(tid), tgid, KCMP_FILES, 0, 0) > 0) {
        return -ENOTSUP;
    }
    return pidfd_open(static_cast<std::uint32_t>(tgid), 0);
}

/// Opens a link to a directory in /proc/TID, unless it is open.
std::int32_t pin_link(deputy_call &call, const char *name, deputy::unique_fd &ret) noexcept
{
    if (ret) {
        return 0;
    }
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    ret.reset(::openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!ret) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    return 0;
}

} // namespace

std::int32_t check_valid(const deputy_call &call) noexcept
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    if (call.listener < 0) {
        return -ENOTSUP;
    }
    if (still_waits(call.listener, call.id)) {
        return 0;
    }
    return call.turn->answered() ? -ECANCELED : -ESRCH;
}

bool still_waits(int listener, std::uint64_t id) noexcept
{
    while (::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) != 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

int pin_pidfd(deputy_call &call) noexcept
{
    if (call.pidfd >= 0) {
        return call.pidfd;
    }
    if (call.syscall.tid == 0) {
        return -ESRCH;
    }
    int fd = pidfd_open(call.syscall.tid, pidfd_thread);
    if (fd == -EINVAL) {
        fd = pidfd_of_leader(call);
    }
    if (fd >= 0) {
        call.pidfd = fd;
    }
    return fd;
}

int pin_proc(deputy_call &call) noexcept
{
    if (call.proc >= 0) {
        return call.proc;
    }
    if (call.syscall.tid == 0) {
        return -ESRCH;
    }
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%u", call.syscall.tid);
    const int fd = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    call.proc = fd;
    return fd;
}

std::int32_t pin_status(deputy_call &call)
{
    if (call.status) {
        return 0;
    }
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    auto status = read_status(proc);
    const std::int32_t valid = check_valid(call);
    if (valid < 0 || !status) {
        return valid < 0 ? valid : -status.error_number();
    }
    call.status = *std::move(status);
    return 0;
}

std::int32_t pin_root(deputy_call &call) noexcept
{
    return pin_link(call, "root", call.root);
}

std::int32_t pin_cwd(deputy_call &call) noexcept
{
    return pin_link(call, "cwd", call.cwd);
}

void unpin(deputy_call &call) noexcept
{
    for (int *fd : {&call.pidfd, &call.proc}) {
        if (*fd >= 0) {
            ::close(*fd);
            *fd = -1;
        }
    }
}

} // namespace deputyd
