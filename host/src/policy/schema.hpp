// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{

/// Why a value, of settings mostly, does not fit a schema.
struct schema_complaint {
    std::string key;    ///< the setting or member, empty if it is about all of them
    std::string reason; ///< with the remedy where there is one
};

/// Checks a value against a JSON Schema (draft 7). @return nothing if it fits.
std::optional<schema_complaint> check_against(const nlohmann::json &schema, const nlohmann::json &value);

/// Checks settings, a JSON object, against the plugin's schema (JSON Schema draft 7).
/// @return nothing if they fit.
std::optional<schema_complaint> check_settings(const loaded_plugin &plugin, const nlohmann::json &values);

} // namespace deputyd
