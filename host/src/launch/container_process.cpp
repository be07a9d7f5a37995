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

bool handles_signal(std::string_view status, int number)
{
    std::uint64_t all = 0;
    for (const std::string_view field : {"SigBlk:\t", "SigIgn:\t", "SigCgt:\t"}) {
        const std::size_t at = status.find(field);
        if (at != std::string_view::npos) {
            const std::string_view digits = status.substr(at + field.size(), 16);
            std::uint64_t mask = 0;
            std::from_chars(digits.data(), digits.data() + digits.size(), mask, 16);
            all |= mask;
        }
    }
    return (all >> (number - 1) & 1) != 0;
}

container_process::container_process(const file_systems &files, const cgroup &group, std::uint32_t base,
                                     const child_plan &plan)
    : container_process(channel::make(), files, group, base, plan)
{
}

container_process::container_process(std::pair<channel, channel> ends, const file_systems &files,
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
        const channel closed = std::move(ends.second);
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

bool container_process::signal(int number) const
{
    if (terminates(number)) {
        std::ifstream in("/proc/" + std::to_string(pid_) + "/status"); // not reaped: the number is its own
        std::ostringstream status;
        status << in.rdbuf();
        if (!handles_signal(status.str(), number)) {
            send(pidfd_.get(), SIGKILL);
            return true;
        }
    }
    send(pidfd_.get(), number);
    return false;
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
