// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace deputyd
{

/// What "deputy ps", "stats" and "top" print of the control socket's answers.

/// @param containers answer of /v1/containers.
/// @param now seconds since the epoch.
/// @param width of a line in characters, 0 for any: texts are shortened for it as table_text() does.
std::string ps_screen(const nlohmann::json &containers, std::int64_t now, std::size_t width = 0);
/// @param statistics answer of /v1/statistics.
std::string stats_screen(const nlohmann::json &statistics, std::size_t width = 0);
/// What has happened between two answers of /v1/containers: a line a handler of each container.
std::string top_screen(const nlohmann::json &before, const nlohmann::json &after,
                       std::chrono::duration<double> between, std::size_t width = 0);

} // namespace deputyd
