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

/// A place in settings, and what their schema says of it.
struct place {
    const json *value;
    const json *schema;
    std::string key;         ///< the setting
    std::string below;       ///< within it, as "[0].path"
    std::string description; ///< of the place, or else of the nearest around it that has one

    place(const json &values, const json &of_all) : value(&values), schema(&of_all) {}
    void enter(const std::string &name);
};

const json &member(const json &object, const std::string &name)
{
    static const json none;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found == object.end() ? none : *found;
}

/// @param name of a member, or the number of an element.
void place::enter(const std::string &name)
{
    const bool is_element = value->is_array();
    if (is_element) {
        value = &value->at(std::stoul(name));
        schema = &member(*schema, "items");
    } else {
        value = &member(*value, name);
        schema = &member(member(*schema, "properties"), name);
    }
    if (key.empty()) {
        key = name;
    } else {
        below += is_element ? "[" + name + "]" : "." + name;
    }
    if (const json &text = member(*schema, "description"); text.is_string()) {
        description = text.get<std::string>();
    }
}

/// The place, the reason and what would fit, in the schema's words.
std::string explain(const place &at, const std::string &reason)
{
    std::string wanted;
    for (const json &word : member(*at.schema, "enum")) {
        wanted += (wanted.empty() ? "one of " : ", ") + word.dump();
    }
    if (!at.description.empty()) {
        wanted += (wanted.empty() ? "" : ": ") + at.description;
    }
    std::string text = at.below.empty() ? "" : at.below + ": ";
    if (at.value->is_primitive() && !at.value->is_null()) {
        text += escaped(at.value->dump()) + " does not fit.";
    }
    if (!reason.starts_with("Failed to match")) { // a pattern or an enum, which what is wanted puts better
        text += (text.ends_with('.') ? " " : "") + reason;
    }
    return wanted.empty() ? text : text + " Wanted: " + escaped(wanted);
}

/// The validator's first complaint, which is about the innermost place.
schema_complaint first(valijson::ValidationResults &results, const json &schema, const json &values)
{
    valijson::ValidationResults::Error error;
    if (!results.popError(error)) {
        return {"", "they do not fit the schema"};
    }
    place at(values, schema);
    for (const auto &part : error.context) {
        if (part.size() > 2 && part.front() == '[') {
            at.enter(part.substr(1, part.size() - 2));
        }
    }
    return {at.key, explain(at, error.description)};
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

std::optional<schema_complaint> check_against(const json &schema_json, const json &value)
{
    valijson::Schema schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
    valijson::ValidationResults results;
    if (!valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(value), &results)) {
        return first(results, schema_json, value);
    }
    return std::nullopt;
}

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
            return schema_complaint{key, fmt::format("plugin {} has no setting {}{}", plugin.name(),
                                                     escaped(key), nearest_of(key, known, "It has"))};
        }
    }
    return check_against(schema_json, values);
}

} // namespace deputyd
