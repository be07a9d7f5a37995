// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <cstdint>
#include <mutex>

#include <deputy/plugin.hpp>

#include "devices.hpp"

namespace mknod_plugin
{

/// What the device rules on a container's cgroup grant: its own and those above it. They are programs, which
/// cannot be read, so the kernel is asked: a process that is for a moment in a cgroup below the container's
/// own makes the node, on a file system that nobody else sees, and asks whether it may read and write it; no
/// driver hears of that. A container that freezes or kills its cgroup at that moment gets an error.
class granted_devices
{
public:
    /// @param cgroup borrowed, the container's own cgroup2 directory, or -1.
    /// @throw std::system_error if there is no file system for the trial.
    explicit granted_devices(int cgroup);
    ~granted_devices();
    granted_devices(const granted_devices &) = delete;
    granted_devices &operator=(const granted_devices &) = delete;

    /// Whether there are rules, and they allow making a node of the device and reading or writing it. Any
    /// thread; one trial of a container at a time.
    /// @return an errno if that cannot be found out.
    deputy::result<bool> contains(const device &d);

private:
    deputy::result<unsigned> allowed(const device &d);
    deputy::result<unsigned> outcome();
    bool collect(siginfo_t &ret);

    std::mutex mutex_;
    deputy::unique_fd cgroup_;
    deputy::unique_fd files_;   ///< a tmpfs that is mounted nowhere
    deputy::unique_fd process_; ///< of the last trial, if it has not been collected
    std::uint64_t trials_ = 0;
    const bool had_rules_; ///< from the start: no rule can have been the container's
};

} // namespace mknod_plugin
