// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <deputy/plugin.hpp>
#include <fmt/format.h>

#include "doctor/finding.hpp"

// Later than the headers of Debian 12.
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

namespace deputyd::doctor
{
namespace
{

using state = finding::state;

/// Whether the kernel knows a flag for filters: it looks at the flags before it looks for the program.
bool knows_filter_flag(unsigned long flag)
{
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, nullptr) == -1 && errno == EFAULT;
}

bool has_notifier()
{
    seccomp_notif_sizes sizes{};
    return ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0;
}

/// Whether a system call is there, made with arguments that no call takes.
bool has_call(long number)
{
    return ::syscall(number, -1, nullptr, nullptr, 0, 0, 0) != -1 || errno != ENOSYS;
}

bool has_pidfd_of_thread()
{
    const deputy::unique_fd fd(static_cast<int>(::syscall(SYS_pidfd_open, ::gettid(), PIDFD_THREAD)));
    return fd.get() >= 0;
}

bool has_bpf()
{
    bpf_attr attr{};
    attr.query.target_fd = static_cast<std::uint32_t>(-1);
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    // EPERM is for who may not ask, EINVAL comes where nobody can.
    return ::syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) == -1 && (errno == EBADF || errno == EPERM);
}

struct feature {
    const char *name;
    const char *since; ///< version of Linux
    bool is_there;
    bool is_needed;
    const char *without; ///< it
};

finding found(const feature &f)
{
    if (f.is_there) {
        return {state::good, "kernel", f.name, ""};
    }
    return {f.is_needed ? state::bad : state::warning, "kernel", fmt::format("no {}", f.name),
            fmt::format("{}; Linux {} has it", f.without, f.since)};
}

/// A number in a file below /proc/sys, or -1.
long setting(const char *path)
{
    std::ifstream file(path);
    long value = -1;
    return file >> value ? value : -1;
}

finding user_namespaces()
{
    if (setting("/proc/sys/user/max_user_namespaces") == 0) {
        return {state::bad, "kernel", "no user namespace may be made",
                "a container without one gets nothing here; raise user.max_user_namespaces with sysctl"};
    }
    return {state::good, "kernel", "user namespaces", ""};
}

finding rules_for_ordinary_users()
{
    const bool shut = setting("/proc/sys/kernel/unprivileged_userns_clone") == 0 ||
                      setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1;
    if (!shut) {
        return {state::good, "kernel", "user namespaces of ordinary users", ""};
    }
    return {state::warning, "kernel", "ordinary users may make no user namespaces",
            "rootless engines and containers in containers may need them; see "
            "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"};
}

} // namespace

std::vector<finding> look_at_kernel()
{
    utsname name{};
    ::uname(&name);
    const std::array features = {
        feature{"seccomp notifier", "5.0", has_notifier(), true, "nothing works without it"},
        feature{"waits that only a fatal signal ends (WAIT_KILLABLE_RECV)", "5.19",
                knows_filter_flag(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
                false, "a signal may take the answer from a call, which is then made again"},
        feature{"pidfd_getfd", "5.6", has_call(SYS_pidfd_getfd), true,
                "no descriptor of a caller can be used"},
        feature{"openat2", "5.6", has_call(SYS_openat2), true, "no path of a caller can be resolved"},
        feature{"mount_setattr", "5.12", has_call(SYS_mount_setattr), false,
                "deputy run --rootfs and --bind, and read-only directories of open, do not work"},
        feature{"pidfds of threads", "6.9", has_pidfd_of_thread(), false,
                "descriptors of a thread that has a table of its own cannot be used"},
        feature{"device programs of cgroups", "4.15", has_bpf(), false, "bpf_cgroup_device does not work"},
    };
    std::vector<finding> all = {
        {state::good, "kernel", fmt::format("Linux {} {}", name.release, name.machine), ""}};
    for (const feature &f : features) {
        all.push_back(found(f));
    }
    all.push_back(user_namespaces());
    all.push_back(rules_for_ordinary_users());
    return all;
}

} // namespace deputyd::doctor
