// SPDX-License-Identifier: Apache-2.0
#include "launch/container_process.hpp"

#include <charconv>
#include <fstream>
#include <linux/sched.h>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "launch/fail.hpp"
#include "launch/stage.hpp"
#include "launch/user_namespace.hpp"

namespace deputyd
{
namespace
{

pid_t clone_into(const cgroup &group, bool host_network, deputy::unique_fd &pidfd)
{
    int fd = -1;
    clone_args args{};
    args.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD |
                 CLONE_INTO_CGROUP | (host_network ? 0U : CLONE_NEWNET);
    args.pidfd = reinterpret_cast<std::uint64_t>(&fd);
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<std::uint64_t>(group.directory());
    const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
    if (pid < 0) {
        if (errno == ENOSPC) {
            fail("make the container's namespaces (see the limits in /proc/sys/user/max_*_namespaces)");
        }
        fail_feature("make the container's namespaces", "clone3() with CLONE_INTO_CGROUP", "5.7");
    }
    if (pid > 0) {
        pidfd.reset(fd);
    }
    return pid;
}

constexpr int quick_checks = 10;

/// Has no wrapper that C++ can link in glibc 2.36.
void send(int pidfd, int number) noexcept
{
    syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
}

/// Whether a signal's default action ends a process.
bool terminates(int number)
{
    switch (number) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
    case SIGCONT:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return false;
    default:
        return true;
    }
}

} // namespace

signal_state read_signal_state(std::string_view status, int number)
{
    const auto has = [&](std::string_view field) {
        const std::size_t at = status.find(field);
        std::uint64_t mask = 0;
        if (at != std::string_view::npos) {
            const std::string_view digits = status.substr(at + field.size(), 16);
            std::from_chars(digits.data(), digits.data() + digits.size(), mask, 16);
        }
        return (mask >> (number - 1) & 1) != 0;
    };
    return {has("SigIgn:\t") || has("SigCgt:\t"), has("SigBlk:\t"), has("SigPnd:\t") || has("ShdPnd:\t")};
}

container_process::container_process(const file_systems &files, const cgroup &group, std::uint32_t base,
                                     const child_plan &plan)
    : container_process(launch_link::make(), files, group, base, plan)
{
}

container_process::container_process(std::pair<launch_link, launch_link> ends, const file_systems &files,
                                     const cgroup &group, std::uint32_t base, const child_plan &plan)
    : launcher_(std::move(ends.first))
{
    {
        const stage in_stage(files, base);
        pid_ = clone_into(group, files.host_network, pidfd_);
        if (pid_ == 0) {
            run_child(plan, ends.second);
        }
    }
    {
        const launch_link closed = std::move(ends.second);
    }
    try {
        write_id_maps(pid_, base);
        set_up();
    } catch (...) {
        end();
        throw;
    }
}

container_process::~container_process()
{
    end();
}

void container_process::end() noexcept
{
    if (pid_ > 0) {
        send(pidfd_.get(), SIGKILL);
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
    }
}

void container_process::set_up()
{
    struct stat st {
    };
    must(stat(("/proc/" + std::to_string(pid_) + "/ns/user").c_str(), &st),
         "look at the container's user namespace");
    user_ns_ = st.st_ino;
    launcher_.send(step::mapped);
    for (;;) {
        auto word = launcher_.receive();
        if (!word) {
            throw std::runtime_error("the container's first process ended while it was set up");
        }
        switch (word->m.what) {
        case step::terminal:
            terminal_ = std::move(word->fd);
            break;
        case step::ready:
            listener_ = std::move(word->fd);
            wait_killable_ = word->m.number != 0;
            return;
        default:
            throw std::runtime_error(std::string("in the container: ") + word->m.text);
        }
    }
}

signal_state container_process::state_of(int number) const
{
    std::ifstream in("/proc/" + std::to_string(pid_) + "/status"); // not reaped: the number is its own
    std::ostringstream status;
    status << in.rdbuf();
    return read_signal_state(status.str(), number);
}

bool container_process::signal(int number)
{
    if (terminates(number)) {
        const signal_state s = state_of(number);
        if (!s.handled && !s.blocked) {
            send(pidfd_.get(), SIGKILL);
            return true;
        }
        if (!s.handled) {
            doubts_.push_back({number, 0});
        }
    }
    send(pidfd_.get(), number);
    return false;
}

int container_process::recheck()
{
    for (auto d = doubts_.begin(); d != doubts_.end();) {
        const signal_state s = state_of(d->number);
        if (!s.handled && !s.blocked) {
            send(pidfd_.get(), SIGKILL);
            return d->number;
        }
        ++d->checks;
        // Blocked and taken: the program reads its signals, as from a signalfd.
        const bool settled = s.handled || (!s.pending && d->checks > quick_checks);
        d = settled ? doubts_.erase(d) : d + 1;
    }
    return 0;
}

int container_process::recheck_after() const noexcept
{
    int after = -1;
    for (const doubt &d : doubts_) {
        const int wanted = d.checks <= quick_checks ? 10 : 1000;
        after = after < 0 || wanted < after ? wanted : after;
    }
    return after;
}

int container_process::wait()
{
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0) {
        if (errno != EINTR) {
            fail("wait for the container's first process");
        }
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace deputyd
