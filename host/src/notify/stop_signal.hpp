// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <sys/types.h>

namespace deputyd::stop_signal
{

/// Installs the handler, which does nothing but interrupt. Once a process; any thread.
/// @throw std::runtime_error
void install();

/// Blocks every signal but this one in the calling thread.
void let_in() noexcept;

/// Interrupts a thread of this process that waits in RECV. It may get there a moment later and miss it:
/// send until the thread has ended.
void send(pid_t tid) noexcept;

/// Blocks it in the calling thread.
class blocked
{
public:
    blocked() noexcept;
    ~blocked();
    blocked(const blocked &) = delete;
    blocked &operator=(const blocked &) = delete;

private:
    sigset_t before_;
};

/// Blocks all signals in the calling thread, so that the threads which it starts begin so.
class all_blocked
{
public:
    all_blocked() noexcept;
    ~all_blocked();
    all_blocked(const all_blocked &) = delete;
    all_blocked &operator=(const all_blocked &) = delete;

private:
    sigset_t before_;
};

} // namespace deputyd::stop_signal
