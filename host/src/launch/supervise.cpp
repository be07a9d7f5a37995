// SPDX-License-Identifier: Apache-2.0
#include "launch/supervise.hpp"

#include <optional>
#include <poll.h>
#include <sys/signalfd.h>
#include <system_error>

#include "base/log.hpp"
#include "launch/fail.hpp"

namespace deputyd
{
namespace
{

sigset_t forwarded_set()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH,
                             SIGALRM, SIGPWR, SIGIO}) {
        sigaddset(&set, number);
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) { // systemd's commands
        sigaddset(&set, number);
    }
    return set;
}

/// @return the signal for which the container was killed, if so.
std::optional<int> forward(container_process &process, const forwarded_signals &signals, terminal &tty)
{
    signalfd_siginfo info{};
    if (read(signals.fd(), &info, sizeof info) != sizeof info) {
        return std::nullopt;
    }
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGWINCH && tty.master() >= 0) {
        tty.resize();
        return std::nullopt;
    }
    if (number == SIGCONT) {
        tty.take_keyboard(); // a shell's "fg"
    }
    return process.signal(number) ? std::optional(number) : std::nullopt;
}

int no_exec_status(const std::string &command, int number)
{
    log().error("cannot run {}: {}", escaped(command), std::system_category().message(number));
    return number == ENOENT || number == ENOTDIR ? 127 : 126;
}

} // namespace

forwarded_signals::forwarded_signals()
{
    const sigset_t set = forwarded_set();
    sigset_t blocked = set;
    sigaddset(&blocked, SIGTTOU); // the terminal's modes are restored also from the background
    sigprocmask(SIG_BLOCK, &blocked, &before_);
    fd_.reset(must(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "make a signalfd"));
}

forwarded_signals::~forwarded_signals()
{
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int supervise(container_process &process, const cgroup &group, const forwarded_signals &signals,
              terminal &tty, const std::string &command)
{
    std::optional<int> killed_for;
    std::optional<int> not_executed;
    bool linked = true;
    for (;;) {
        pollfd fds[] = {{process.pidfd(), POLLIN, 0},
                        {signals.fd(), POLLIN, 0},
                        {linked ? process.link().fd() : -1, POLLIN, 0},
                        {tty.master(), tty.master_events(), 0},
                        {tty.keyboard(), POLLIN, 0}};
        if (poll(fds, std::size(fds), process.recheck_after()) < 0) {
            if (errno != EINTR) {
                fail("wait for the container");
            }
            continue;
        }
        if (const int number = fds[0].revents == 0 ? process.recheck() : 0; number != 0) {
            killed_for = number;
        }
        if (fds[1].revents != 0 && fds[0].revents == 0) {
            const auto killed = forward(process, signals, tty);
            killed_for = killed ? killed : killed_for;
        }
        if (fds[2].revents != 0) {
            const auto word = process.link().receive();
            if (word && word->m.what == step::no_exec) {
                not_executed = word->m.number;
            }
            linked = word.has_value();
        }
        if (fds[3].revents != 0) {
            tty.from_container();
        }
        if (fds[4].revents != 0) {
            tty.from_keyboard();
        }
        if (fds[0].revents != 0) {
            break;
        }
    }
    const int status = process.wait();
    group.kill();
    tty.drain();
    if (linked && !not_executed) {
        // It may have ended before its last words were read.
        const auto word = process.link().receive();
        not_executed = word && word->m.what == step::no_exec ? std::optional(word->m.number) : std::nullopt;
    }
    if (not_executed) {
        return no_exec_status(command, *not_executed);
    }
    return killed_for ? 128 + *killed_for : status;
}

} // namespace deputyd
