// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/filter.h>
#include <vector>

#include <deputy/plugin.hpp>

#include "plugin/handler_table.hpp"

namespace deputyd
{

/// The seccomp program for a table of handlers: what they want is notified, a container's own
/// SECCOMP_FILTER_FLAG_NEW_LISTENER gets EBUSY (it would take precedence over ours), architectures that the
/// handlers do not know, x32 among them, get ENOSYS. All else is allowed.
/// @throw std::runtime_error naming a system call that cannot be filtered.
std::vector<sock_filter> make_filter(const handler_table &handlers);

struct installed_filter {
    deputy::unique_fd listener;
    bool wait_killable; ///< whether the kernel knows WAIT_KILLABLE_RECV (5.19)
};

/// Installs a program on the calling thread for good.
/// @throw std::runtime_error.
installed_filter install_filter(const std::vector<sock_filter> &program);

/// Whether the kernel has what serving a listener takes.
/// @throw std::runtime_error naming what is missing and since when it exists.
void check_listener(int listener);

} // namespace deputyd
