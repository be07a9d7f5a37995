// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deputyd
{

/// A line of /proc/PID/mountinfo.
struct mount_entry {
    std::string root;  ///< what part of the file system is mounted
    std::string point; ///< where, below the reader's root
    std::string type;  ///< of file system
    unsigned id = 0;
    unsigned peers = 0;  ///< the group whose mounts get what is mounted here; 0: none
    unsigned master = 0; ///< the group from which this one gets what is mounted there; 0: none
};

/// Reads the text of a mountinfo file, in its order; lines of another form are skipped.
std::vector<mount_entry> parse_mount_table(std::string_view text);

/// The calling thread's own.
std::vector<mount_entry> mount_table();

/// The path in the line "0::PATH" of the text of /proc/PID/cgroup, or an empty string.
std::string cgroup2_path(std::string_view text);

} // namespace deputyd
