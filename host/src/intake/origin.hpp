// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// What the kernel says of a container, asked of one of its processes.
struct origin {
    std::uint64_t user_ns = 0; ///< inode of its user namespace
    /// Its own cgroup2 directory (O_PATH): the root of its cgroup namespace where it has one of its own, else
    /// the cgroup of the process. None if that is the root of all.
    deputy::unique_fd cgroup;
    std::string cgroup_path; ///< from the root of the hierarchy, for log lines
};

/// Who sent a listener.
struct peer {
    uid_t uid;
    gid_t gid;
    pid_t pid; ///< for log lines alone
};

/// Asks the kernel about the process.
/// @param init in this process's pid namespace.
/// @param sender a peer that is not root must own the user namespace, all of the ids mapped into it and the
///        cgroup: itself, or with ids that it was granted as subordinate ones.
/// @throw std::runtime_error with the reason for the log.
origin find_origin(pid_t init, const peer &sender);

/// The directory of a cgroup by its path in the cgroup2 hierarchy (O_PATH); none for the root, and where
/// there is no cgroup2. @throw std::runtime_error if it is not there.
deputy::unique_fd open_cgroup(const std::string &path);

} // namespace deputyd
