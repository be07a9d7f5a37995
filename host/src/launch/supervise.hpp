// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <string>

#include <deputy/plugin.hpp>

#include "launch/cgroup.hpp"
#include "launch/container_process.hpp"
#include "launch/terminal.hpp"

namespace deputyd
{

/// The signals that are passed on to the container, blocked for the process and all threads that it starts.
class forwarded_signals
{
public:
    forwarded_signals();
    ~forwarded_signals();
    forwarded_signals(const forwarded_signals &) = delete;
    forwarded_signals &operator=(const forwarded_signals &) = delete;

    int fd() const noexcept { return fd_.get(); }
    /// The mask of before.
    const sigset_t &before() const noexcept { return before_; }

private:
    sigset_t before_{};
    deputy::unique_fd fd_;
};

/// Relays signals and the terminal until the container's first process has ended, then ends the others.
/// @param command for the message if it cannot be executed.
/// @return exit status: the command's own, 128 + N after signal N, 126 or 127 if it was not executed.
int supervise(container_process &process, const cgroup &group, const forwarded_signals &signals,
              terminal &tty, const std::string &command);

} // namespace deputyd
