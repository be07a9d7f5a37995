// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel.hpp"

namespace bpf_cgroup_device
{

/// A container's cgroup, in the host's mount, and what is above it. Cgroups cannot be moved, so this holds
/// for the container's life. Immutable; any thread.
struct own_cgroup {
    deputy::unique_fd fd;
    std::uint64_t id = 0;
    std::vector<deputy::unique_fd> ancestors; ///< nearest first, up to the root that the host sees

    /// @param borrowed the container's cgroup directory, also O_PATH.
    static deputy::result<own_cgroup> open(kernel &k, int borrowed);
};

/// Where a cgroup lies, seen from a container's own.
enum class place { outside, own, below };

struct target {
    place where = place::outside;
    std::uint64_t id = 0;
    deputy::unique_fd fd;                   ///< in the host's mount
    std::vector<deputy::unique_fd> between; ///< its ancestors below the container's own, nearest first
};

/// Finds out by descriptor, never by path. @param fd the caller's, duplicated; also O_PATH.
/// @return EBADF if it is no cgroup2 directory, ENOENT if that has been removed.
deputy::result<target> locate(kernel &k, const own_cgroup &own, int fd);

/// Device programs only ever restrict, but a cgroup with programs of its own does not run those of its
/// nearest ancestor that has some, unless that one is attached with ALLOW_MULTI.
/// @return a description of the ancestor whose programs an attach below would shut off, or nothing.
deputy::result<std::optional<std::string>>
shut_off_by_attach(kernel &k, const own_cgroup &own, const std::vector<deputy::unique_fd> &between = {});

} // namespace bpf_cgroup_device
