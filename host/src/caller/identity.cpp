// SPDX-License-Identifier: Apache-2.0
#include "caller/identity.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/capability.h>
#include <new>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/container.hpp"
#include "caller/pin.hpp"
#include "caller/sized.hpp"

namespace deputyd
{
namespace
{

/// The inode of the thread's user namespace, or a negative errno.
std::int64_t user_ns_of(int proc) noexcept
{
    struct stat st {
    };
    if (::fstatat(proc, "ns/user", &st, 0) != 0) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    return static_cast<std::int64_t>(st.st_ino);
}

deputy_identity assemble(const deputy_call &call, const proc_status &s, std::uint64_t user_ns) noexcept
{
    deputy_identity id{};
    id.struct_size = sizeof id;
    id.tid = call.syscall.tid;
    id.tgid = s.tgid;
    id.umask = s.umask;
    id.uid = s.uid[0];
    id.euid = s.uid[1];
    id.suid = s.uid[2];
    id.fsuid = s.uid[3];
    id.gid = s.gid[0];
    id.egid = s.gid[1];
    id.sgid = s.gid[2];
    id.fsgid = s.gid[3];
    id.capabilities = s.effective_capabilities;
    id.user_ns = user_ns;
    id.in_container_user_ns = user_ns == call.container->user_ns ? 1 : 0;
    id.group_count = static_cast<std::uint32_t>(s.groups.size());
    return id;
}

/// Effective capabilities in the thread's own user namespace. @return 0 or a negative errno.
std::int32_t effective_capabilities(std::uint32_t tid, std::uint64_t &ret) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, static_cast<int>(tid)};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) != 0) {
        return -errno;
    }
    ret = data[1].effective;
    ret = ret << 32 | data[0].effective;
    return 0;
}

std::int32_t privileges(deputy_call &call, deputy_privileges *ret) noexcept
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    if (ret->struct_size < sizeof ret->struct_size) {
        return -EINVAL;
    }
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    deputy_privileges whole{};
    const std::int32_t got = effective_capabilities(call.syscall.tid, whole.capabilities);
    const std::int64_t user_ns = user_ns_of(proc);
    const std::int32_t valid = check_valid(call);
    if (valid < 0) {
        return valid;
    }
    if (got < 0 || user_ns < 0) {
        return got < 0 ? got : static_cast<std::int32_t>(user_ns);
    }
    whole.user_ns = static_cast<std::uint64_t>(user_ns);
    whole.in_container_user_ns = whole.user_ns == call.container->user_ns ? 1 : 0;
    return give(whole, ret);
}

std::int32_t identity(deputy_call &call, deputy_identity *ret)
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    if (ret->struct_size < sizeof ret->struct_size) {
        return -EINVAL;
    }
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    const std::int64_t user_ns = user_ns_of(proc);
    const std::int32_t r = pin_status(call);
    const std::int32_t valid = check_valid(call);
    if (valid < 0 || r < 0) {
        return valid < 0 ? valid : r;
    }
    if (user_ns < 0) {
        return static_cast<std::int32_t>(user_ns);
    }
    return give(assemble(call, *call.status, static_cast<std::uint64_t>(user_ns)), ret);
}

std::int32_t groups(deputy_call &call, std::uint32_t *ret, std::uint32_t count)
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    const std::int32_t r = pin_status(call);
    const std::int32_t valid = check_valid(call);
    if (valid < 0 || r < 0) {
        return valid < 0 ? valid : r;
    }
    const auto &all = call.status->groups;
    std::copy_n(all.begin(), std::min<std::size_t>(count, all.size()), ret);
    return static_cast<std::int32_t>(all.size());
}

} // namespace

std::int32_t read_privileges(deputy_call *call, deputy_privileges *ret_privileges)
{
    return privileges(*call, ret_privileges);
}

std::int32_t read_identity(deputy_call *call, deputy_identity *ret_identity)
try {
    return identity(*call, ret_identity);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

std::int32_t read_groups(deputy_call *call, std::uint32_t *ret_groups, std::uint32_t count)
try {
    return groups(*call, ret_groups, count);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

} // namespace deputyd
