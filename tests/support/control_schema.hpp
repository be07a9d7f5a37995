// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "policy/schema.hpp"

namespace deputyd::test
{

/// No object may have a member that it does not list: a reader may skip new ones, our own schema may not.
inline void close_objects(nlohmann::json &schema)
{
    if (schema.is_object() && schema.contains("properties") && !schema.contains("additionalProperties")) {
        schema["additionalProperties"] = false;
    }
    if (schema.is_structured()) {
        for (auto &part : schema) {
            close_objects(part);
        }
    }
}

/// Why a value is not what the published schema says. @return "" if it is.
/// @param definition of the schema. @param closed whether it may have no other members.
inline std::string complaint(const std::string &definition, const nlohmann::json &value, bool closed = true)
{
    std::ifstream file(DEPUTY_SOURCE_DIR "/host/data/schema/control-v1.schema.json");
    nlohmann::json schema = nlohmann::json::parse(file);
    if (!schema.at("definitions").contains(definition)) {
        return "the schema has no definition " + definition;
    }
    if (closed) {
        close_objects(schema["definitions"]);
    }
    schema["anyOf"] = {{{"$ref", "#/definitions/" + definition}}};
    const auto found = check_against(schema, value);
    return found ? found->key + ": " + found->reason + " in " + value.dump() : "";
}

} // namespace deputyd::test
