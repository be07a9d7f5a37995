// SPDX-License-Identifier: Apache-2.0
#include "notify/stop_signal.hpp"

#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace deputyd::stop_signal
{
namespace
{

int number() noexcept
{
    return SIGRTMIN + 5;
}

} // namespace

void install()
{
    struct sigaction action {
    };
    action.sa_handler = [](int) {}; // without SA_RESTART: RECV returns EINTR
    sigemptyset(&action.sa_mask);
    if (::sigaction(number(), &action, nullptr) != 0) {
        throw std::runtime_error(std::string("cannot install the stop signal: ") + std::strerror(errno));
    }
}

void let_in() noexcept
{
    sigset_t others;
    sigfillset(&others);
    sigdelset(&others, number());
    ::pthread_sigmask(SIG_SETMASK, &others, nullptr);
}

void send(pid_t tid) noexcept
{
    ::syscall(SYS_tgkill, ::getpid(), tid, number());
}

blocked::blocked() noexcept
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number());
    ::pthread_sigmask(SIG_BLOCK, &one, &before_);
}

blocked::~blocked()
{
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

all_blocked::all_blocked() noexcept
{
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
}

all_blocked::~all_blocked()
{
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace deputyd::stop_signal
