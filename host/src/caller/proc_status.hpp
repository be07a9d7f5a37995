// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// What /proc/TID/status says of a thread. Ids are those of the reader's user namespace.
struct proc_status {
    std::uint32_t tgid = 0;
    std::uint32_t umask = 0;
    std::uint32_t uid[4] = {}; ///< real, effective, saved, file system
    std::uint32_t gid[4] = {};
    std::uint64_t effective_capabilities = 0;
    std::vector<std::uint32_t> groups; ///< supplementary
};

/// Reads the text of a status file. @return EPROTO if a line that every kernel since 4.7 has is missing.
deputy::result<proc_status> parse_status(std::string_view text);

/// Reads the status of the thread behind an open /proc/TID directory.
/// @return the errno: ESRCH once the thread is gone.
deputy::result<proc_status> read_status(int proc);

/// Whether signals wait for a thread (its own or its process's) that it neither blocks nor leaves to their
/// default. false once it is gone.
bool has_caught_signal(std::uint32_t tid) noexcept;

/// Its thread group alone. Allocates nothing. @return the id or a negative errno.
std::int32_t read_tgid(int proc) noexcept;

} // namespace deputyd
