// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace deputyd
{

/// Consecutive ids of the host.
struct id_extent {
    std::uint64_t first;
    std::uint64_t count;
};

/// What a user may use as ids of containers: its own id and those that /etc/subuid and /etc/subgid (or
/// another source, by NSS) give it.
struct granted_ids {
    std::vector<id_extent> uids;
    std::vector<id_extent> gids;
};

/// Looks up what a user was granted. May ask a name service: not on the path of a call.
granted_ids granted_to(uid_t uid, gid_t gid);

/// Whether all of extent lies within the union of granted.
bool within(const id_extent &extent, const std::vector<id_extent> &granted);

/// The host's extents in the text of /proc/PID/uid_map or gid_map; empty if it is not well-formed.
std::vector<id_extent> mapped_extents(const std::string &map);

} // namespace deputyd
