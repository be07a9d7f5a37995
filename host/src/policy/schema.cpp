// SPDX-License-Identifier: Apache-2.0
#include "policy/schema.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "base/log.hpp"
#include "base/nearest.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

/// The validator's first complaint, which is about the innermost place.
schema_complaint first(valijson::ValidationResults &results)
{
    valijson::ValidationResults::Error error;
    if (!results.popError(error)) {
        return {"", "they do not fit the schema"};
    }
    std::string where;
    for (const auto &part : error.context) {
        if (part != "<root>") {
            where += part;
        }
    }
    std::string key = error.context.size() > 1 ? error.context[1] : "";
    if (key.size() > 2 && key.front() == '[') {
        key = key.substr(1, key.size() - 2);
    }
    return {key, where.size() > key.size() + 2 ? where + ": " + error.description : error.description};
}

std::vector<std::string> keys_of(const json &schema)
{
    std::vector<std::string> keys;
    if (const auto properties = schema.find("properties"); properties != schema.end()) {
        for (const auto &[key, value] : properties->items()) {
            keys.push_back(key);
        }
    }
    return keys;
}

} // namespace

std::optional<schema_complaint> check_settings(const loaded_plugin &plugin, const json &values)
{
    if (plugin.settings_schema() == nullptr) {
        return values.empty() ? std::nullopt
                              : std::optional(schema_complaint{
                                    "", fmt::format("plugin {} has no settings", plugin.name())});
    }
    const json schema_json = json::parse(plugin.settings_schema(), nullptr, false);
    if (schema_json.is_discarded()) {
        return schema_complaint{"",
                                fmt::format("the settings schema of plugin {} is not JSON", plugin.name())};
    }
    const auto known = keys_of(schema_json);
    for (const auto &[key, value] : values.items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            return schema_complaint{key, fmt::format("plugin {} has no setting {}{} It has: {}",
                                                     plugin.name(), escaped(key), did_you_mean(key, known),
                                                     fmt::join(known, ", "))};
        }
    }
    valijson::Schema schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
    valijson::ValidationResults results;
    if (!valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(values), &results)) {
        return first(results);
    }
    return std::nullopt;
}

} // namespace deputyd
