// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <deputy/plugin.hpp>

#include "launch/cgroup.hpp"
#include "launch/id_range.hpp"

namespace deputyd
{

/// A small process that outlives this one: however this one ends, SIGKILL included, it kills the container
/// and removes its cgroup. It holds the reservation of ids until that is done.
class reaper
{
public:
    /// Call while the process has one thread.
    reaper(const cgroup &group, const id_range &ids);
    /// Lets it end, and waits for it unless a task of the container hangs in the kernel.
    ~reaper();
    reaper(const reaper &) = delete;
    reaper &operator=(const reaper &) = delete;

private:
    deputy::unique_fd alive_; ///< its end is how the reaper learns of ours
    pid_t pid_;
};

} // namespace deputyd
