// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace deputyd
{

/// Fills in what settings leave to a JSON Schema (draft 7): each property that is absent and has a
/// `default`, in nested objects, lists and references (`$ref`) into the schema too. An object that is absent
/// as a whole comes into being if defaults make all of it that is required.
/// @param schema an object; what in it is no schema is passed over.
void fill_in_defaults(const nlohmann::json &schema, nlohmann::json &settings);

} // namespace deputyd
