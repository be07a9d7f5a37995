// SPDX-License-Identifier: Apache-2.0
#include "granted_devices.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <poll.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "signals_blocked.hpp"

namespace mknod_plugin
{
namespace
{

/// What the process of a trial says by its exit status.
constexpr unsigned may_make = 1, may_read = 2, may_write = 4;

constexpr const char *node_name = "node";

/// How long a trial may take: a cgroup may be frozen, or have no processor time.
constexpr int patience_ms = 5000;

/// Whether a process in the cgroup would be subject to any device program.
bool has_rules(const deputy::unique_fd &cgroup)
{
    union bpf_attr attr {
    };
    attr.query.target_fd = static_cast<std::uint32_t>(cgroup.get());
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.query_flags = BPF_F_QUERY_EFFECTIVE;
    return ::syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) == 0 && attr.query.prog_cnt != 0;
}

deputy::unique_fd new_tmpfs()
{
    const deputy::unique_fd fs(::fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!fs || ::fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        throw std::system_error(errno, std::system_category(), "a tmpfs for devices = \"granted\"");
    }
    deputy::unique_fd mounted(::fsmount(fs.get(), FSMOUNT_CLOEXEC, 0));
    if (!mounted) {
        throw std::system_error(errno, std::system_category(), "a tmpfs for devices = \"granted\"");
    }
    return mounted;
}

/// In the process of a trial, a copy of one that has many threads: system calls alone, and no descriptor of
/// the host's is kept while a container might stop it.
[[noreturn]] void try_device(int files, mode_t type, dev_t number)
{
    ::syscall(SYS_dup3, files, 0, 0);
    ::syscall(SYS_close_range, 1, ~0U, 0);
    unsigned may = 0;
    if (::syscall(SYS_mknodat, 0, node_name, type | 0600, static_cast<unsigned>(number)) == 0) {
        may |= may_make;
        may |= ::syscall(SYS_faccessat, 0, node_name, R_OK) == 0 ? may_read : 0;
        may |= ::syscall(SYS_faccessat, 0, node_name, W_OK) == 0 ? may_write : 0;
    }
    for (;;) {
        ::syscall(SYS_exit_group, may);
    }
}

/// A copy of this process in a cgroup, with no exit signal: nobody but its starter waits for it.
/// @return what fork() returns.
long fork_into(const deputy::unique_fd &cgroup, int &ret_process)
{
    clone_args how{};
    how.flags = CLONE_INTO_CGROUP | CLONE_PIDFD;
    how.cgroup = static_cast<std::uint64_t>(cgroup.get());
    how.pidfd = reinterpret_cast<std::uintptr_t>(&ret_process);
    return ::syscall(SYS_clone3, &how, sizeof how);
}

/// A new cgroup below another, removed by the destructor. With a process that hangs in it, it stays until the
/// container's end.
class leaf_cgroup
{
public:
    leaf_cgroup(int above, std::string name) : above_(above), name_(std::move(name))
    {
        made_ = ::mkdirat(above_, name_.c_str(), 0700) == 0;
        if (made_) {
            directory_.reset(
                ::openat(above_, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        }
        error_ = directory_ ? 0 : errno;
    }
    ~leaf_cgroup()
    {
        if (made_) {
            ::unlinkat(above_, name_.c_str(), AT_REMOVEDIR);
        }
    }
    leaf_cgroup(const leaf_cgroup &) = delete;
    leaf_cgroup &operator=(const leaf_cgroup &) = delete;

    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] const deputy::unique_fd &directory() const { return directory_; }

private:
    int above_;
    std::string name_;
    deputy::unique_fd directory_;
    bool made_ = false;
    int error_ = 0;
};

} // namespace

granted_devices::granted_devices(int cgroup)
    : cgroup_(cgroup < 0 ? -1 : ::openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      files_(new_tmpfs()), had_rules_(has_rules(cgroup_))
{
}

granted_devices::~granted_devices()
{
    siginfo_t ignored{};
    if (process_) {
        collect(ignored);
    }
}

deputy::result<bool> granted_devices::contains(const device &d)
{
    const std::lock_guard hold(mutex_);
    if (!had_rules_ || !has_rules(cgroup_)) {
        return false;
    }
    const auto may = allowed(d);
    if (!may) {
        return deputy::error{may.error_number()};
    }
    return (*may & may_make) != 0 && (*may & (may_read | may_write)) != 0;
}

deputy::result<unsigned> granted_devices::allowed(const device &d)
{
    siginfo_t ignored{};
    if (process_ && !collect(ignored)) {
        return deputy::error{EBUSY}; // the one before still hangs
    }
    ::unlinkat(files_.get(), node_name, 0);
    const leaf_cgroup leaf(cgroup_.get(), "deputy-trial-" + std::to_string(++trials_));
    if (leaf.error() != 0) {
        return deputy::error{leaf.error()};
    }
    const signals_blocked quiet;
    int process = -1;
    const long pid = fork_into(leaf.directory(), process);
    if (pid < 0) {
        return deputy::error{errno};
    }
    if (pid == 0) {
        try_device(files_.get(), d.block ? S_IFBLK : S_IFCHR, ::makedev(d.major, d.minor));
    }
    process_.reset(process);
    return outcome();
}

deputy::result<unsigned> granted_devices::outcome()
{
    pollfd ended{process_.get(), POLLIN, 0};
    if (::poll(&ended, 1, patience_ms) != 1) {
        ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
        return deputy::error{ETIMEDOUT};
    }
    siginfo_t how{};
    if (!collect(how)) {
        return deputy::error{ECHILD};
    }
    if (how.si_code != CLD_EXITED) {
        return deputy::error{EINTR};
    }
    return static_cast<unsigned>(how.si_status);
}

/// @return whether the process of the last trial is no more.
bool granted_devices::collect(siginfo_t &ret)
{
    if (::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &ret, WEXITED | WNOHANG | __WALL) == 0 &&
        ret.si_pid == 0) {
        return false;
    }
    process_.reset();
    return true;
}

} // namespace mknod_plugin
