// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{

/// Why settings do not fit a plugin's schema.
struct schema_complaint {
    std::string key;    ///< the setting, empty if it is about all of them
    std::string reason; ///< with the remedy where there is one
};

/// Checks settings, a JSON object, against the plugin's schema (JSON Schema draft 7).
/// @return nothing if they fit.
std::optional<schema_complaint> check_settings(const loaded_plugin &plugin, const nlohmann::json &values);

} // namespace deputyd
