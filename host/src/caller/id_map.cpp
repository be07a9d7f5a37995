// SPDX-License-Identifier: Apache-2.0
#include "caller/id_map.hpp"

#include <sstream>
#include <string>

namespace deputyd
{

std::vector<mapped_ids> parse_id_map(std::string_view text)
{
    std::vector<mapped_ids> map;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        mapped_ids ids{};
        if (!(fields >> ids.inside >> ids.outside >> ids.count) || ids.count == 0) {
            return {};
        }
        map.push_back(ids);
    }
    return map;
}

std::optional<std::uint32_t> id_inside(const std::vector<mapped_ids> &map, std::uint32_t outside) noexcept
{
    for (const auto &ids : map) {
        if (outside >= ids.outside && outside - ids.outside < ids.count) {
            return ids.inside + (outside - ids.outside);
        }
    }
    return std::nullopt;
}

} // namespace deputyd
