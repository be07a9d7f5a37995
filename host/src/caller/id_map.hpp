// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace deputyd
{

/// Consecutive ids of a user namespace, and what the host calls them.
struct mapped_ids {
    std::uint32_t inside;
    std::uint32_t outside;
    std::uint32_t count; ///< not 0
};

/// Reads the text of /proc/PID/uid_map or gid_map. @return nothing if it is not well-formed.
std::vector<mapped_ids> parse_id_map(std::string_view text);

/// What an id of the host is called inside, if it is mapped.
std::optional<std::uint32_t> id_inside(const std::vector<mapped_ids> &map, std::uint32_t outside) noexcept;

} // namespace deputyd
