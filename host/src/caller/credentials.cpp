// SPDX-License-Identifier: Apache-2.0
// Raw system calls: glibc's wrappers of the setuid family change every thread.
#include "caller/credentials.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/proc_status.hpp"

namespace deputyd
{
namespace
{

thread_local bool owns_fs_state = false;
thread_local bool keeps_capabilities = false;

bool capset(__user_cap_data_struct (&data)[2]) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capset, &header, data) == 0;
}

bool capget(__user_cap_data_struct (&data)[2]) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capget, &header, data) == 0;
}

/// Both calls return the old id and tell nothing of success: asked again with an invalid id, they say.
std::uint32_t set_fs_id(long number, std::uint32_t id) noexcept
{
    return static_cast<std::uint32_t>(::syscall(number, id));
}
std::uint32_t fs_id(long number) noexcept
{
    return set_fs_id(number, static_cast<std::uint32_t>(-1));
}

bool set_groups(const std::vector<std::uint32_t> &groups) noexcept
{
    return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

} // namespace

void own_thread_state() noexcept
{
    owns_fs_state = ::unshare(CLONE_FS) == 0;
    const int bits = ::prctl(PR_GET_SECUREBITS);
    keeps_capabilities =
        bits >= 0 && ::prctl(PR_SET_SECUREBITS, static_cast<unsigned>(bits) | SECBIT_NO_SETUID_FIXUP) == 0;
}

as_caller::as_caller(const proc_status &caller, std::uint64_t grant)
{
    if (!keeps_capabilities) {
        status_ = -EPERM;
        return;
    }
    const long count = ::syscall(SYS_getgroups, 0, nullptr);
    groups_.resize(static_cast<std::size_t>(count < 0 ? 0 : count));
    if (count < 0 || ::syscall(SYS_getgroups, count, groups_.data()) != count || !capget(capabilities_)) {
        status_ = -EPERM;
        return;
    }
    fsuid_ = fs_id(SYS_setfsuid);
    fsgid_ = fs_id(SYS_setfsgid);
    status_ = enter(caller, grant);
    if (status_ < 0 && !leave()) {
        std::abort();
    }
}

as_caller::~as_caller()
{
    if (status_ == 0 && !leave()) {
        std::abort();
    }
}

std::int32_t as_caller::enter(const proc_status &caller, std::uint64_t grant) noexcept
{
    if (!set_groups(caller.groups)) {
        return -errno;
    }
    set_fs_id(SYS_setfsgid, caller.gid[3]);
    set_fs_id(SYS_setfsuid, caller.uid[3]);
    if (fs_id(SYS_setfsgid) != caller.gid[3] || fs_id(SYS_setfsuid) != caller.uid[3]) {
        return -EPERM;
    }
    __user_cap_data_struct granted[2] = {capabilities_[0], capabilities_[1]};
    granted[0].effective = static_cast<std::uint32_t>(grant);
    granted[1].effective = static_cast<std::uint32_t>(grant >> 32);
    return capset(granted) ? 0 : -errno;
}

bool as_caller::leave() noexcept
{
    if (!capset(capabilities_)) {
        return false;
    }
    set_fs_id(SYS_setfsuid, fsuid_);
    set_fs_id(SYS_setfsgid, fsgid_);
    return set_groups(groups_) && fs_id(SYS_setfsuid) == fsuid_ && fs_id(SYS_setfsgid) == fsgid_;
}

with_umask::with_umask(std::uint32_t mask) noexcept
{
    if (!owns_fs_state) {
        status_ = -EPERM;
        return;
    }
    own_ = ::umask(mask);
}

with_umask::~with_umask()
{
    if (status_ == 0) {
        ::umask(own_);
    }
}

in_root::in_root(int root) noexcept
{
    if (!owns_fs_state) {
        status_ = -EPERM;
        return;
    }
    root_ = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cwd_ = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_ < 0 || cwd_ < 0 || ::fchdir(root) != 0 || ::chroot(".") != 0) {
        status_ = -errno;
        if (root_ >= 0 && cwd_ >= 0 && !leave()) {
            std::abort();
        }
    }
}

in_root::~in_root()
{
    if (status_ == 0 && !leave()) {
        std::abort();
    }
    for (const int fd : {root_, cwd_}) {
        if (fd >= 0) {
            ::close(fd);
        }
    }
}

bool in_root::leave() noexcept
{
    // Where chroot() itself was refused, the root is still the thread's own.
    const bool back = ::fchdir(root_) == 0 && (::chroot(".") == 0 || status_ != 0);
    return back && ::fchdir(cwd_) == 0;
}

namespace
{

/// The kernel wants a thread that shares its root directory with nobody, and says EINVAL to others. Now and
/// then it says so for a moment to one that shares it with nobody either (seen with 6.18, once in some ten
/// thousand).
int enter_mount_ns(int ns) noexcept
{
    constexpr int tries = 1000;
    int r = ::setns(ns, CLONE_NEWNS);
    for (int i = 0; r != 0 && errno == EINVAL && i < tries; ++i) {
        ::sched_yield();
        r = ::setns(ns, CLONE_NEWNS);
    }
    return r;
}

} // namespace

in_mount_ns::in_mount_ns(int ns) noexcept
    : own_(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)),
      root_(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      cwd_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC))
{
    if (!owns_fs_state) {
        status_ = -EPERM;
    } else if (!own_ || !root_ || !cwd_ || enter_mount_ns(ns) != 0) {
        status_ = -errno;
    }
}

in_mount_ns::~in_mount_ns()
{
    if (status_ < 0) {
        return;
    }
    // The kernel put the thread at the namespace's root, and does so on the way back.
    if (enter_mount_ns(own_.get()) != 0 || ::fchdir(root_.get()) != 0 || ::chroot(".") != 0 ||
        ::fchdir(cwd_.get()) != 0) {
        std::abort();
    }
}

} // namespace deputyd
