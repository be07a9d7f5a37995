// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <linux/filter.h>
#include <optional>
#include <string>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <vector>

#include "launch/launch_link.hpp"

namespace deputyd
{

/// What the container's first process needs to know.
struct child_plan {
    std::vector<std::string> command;
    std::vector<std::string> environment; ///< NAME=VALUE
    std::string directory;                ///< to start in; / if there is none
    bool host_tree = true;
    bool host_network = false;
    std::vector<sock_filter> filter; ///< empty: none
    std::optional<winsize> terminal; ///< size of a terminal to make
    bool terminal_stream[3] = {};    ///< which of its standard streams are that terminal
    sigset_t signal_mask{};          ///< as the caller of deputy had it
    struct sigaction pipe_signal {
    };                    ///< SIGPIPE likewise
    mode_t umask = 022;   ///< likewise
    rlimit descriptors{}; ///< RLIMIT_NOFILE likewise
};

/// The container's first process, from its clone in the stage to the execution of the command.
[[noreturn]] void run_child(const child_plan &plan, const launch_link &launcher) noexcept;

} // namespace deputyd
