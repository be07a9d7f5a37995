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
};

/// Reads the text of a mountinfo file, in its order; lines of another form are skipped.
std::vector<mount_entry> parse_mount_table(std::string_view text);

/// This process's own.
std::vector<mount_entry> mount_table();

/// The path in the line "0::PATH" of the text of /proc/PID/cgroup, or an empty string.
std::string cgroup2_path(std::string_view text);

} // namespace deputyd
