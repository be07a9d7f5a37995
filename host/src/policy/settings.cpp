// SPDX-License-Identifier: Apache-2.0
#include "policy/settings.hpp"

#include <sstream>
#include <stdexcept>
#include <vector>

#include <toml++/toml.h>

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

/// One TOML value as JSON text.
std::string json_of(std::string_view assignment, std::string_view value)
{
    const auto refuse = [&](std::string_view reason) {
        throw std::runtime_error(
            fmt::format("--set {}: the value is not TOML: {}; strings need quotes, as in "
                        "--set 'plugin.key=\"text\"'",
                        escaped(assignment), escaped(reason)));
    };
    toml::table table;
    try {
        table = toml::parse(fmt::format("value = {}", value));
    } catch (const toml::parse_error &e) {
        refuse(e.description());
    }
    if (table.size() != 1) {
        refuse("it holds more than one value");
    }
    std::ostringstream text;
    text << toml::json_formatter{table};
    return json::parse(text.str()).at("value").dump();
}

/// The validator's first complaint, which is about the innermost place.
std::string complaint(valijson::ValidationResults &results)
{
    valijson::ValidationResults::Error error;
    if (!results.popError(error)) {
        return "it does not fit the schema";
    }
    std::string where;
    for (const auto &part : error.context) {
        if (part != "<root>") {
            where += part;
        }
    }
    return where + ": " + error.description;
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

void check(const loaded_plugin &plugin, const json &values)
{
    if (plugin.settings_schema() == nullptr) {
        if (!values.empty()) {
            throw std::runtime_error(fmt::format("plugin {} has no settings", plugin.name()));
        }
        return;
    }
    const json schema_json = json::parse(plugin.settings_schema(), nullptr, false);
    if (schema_json.is_discarded()) {
        throw std::runtime_error(fmt::format("plugin {}: its settings schema is not JSON", plugin.name()));
    }
    const auto known = keys_of(schema_json);
    for (const auto &[key, value] : values.items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            throw std::runtime_error(fmt::format("plugin {} has no setting {}{} It has: {}", plugin.name(),
                                                 escaped(key), did_you_mean(key, known),
                                                 fmt::join(known, ", ")));
        }
    }
    valijson::Schema schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
    valijson::ValidationResults results;
    if (!valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(values), &results)) {
        throw std::runtime_error(
            fmt::format("setting of plugin {}: {}", plugin.name(), escaped(complaint(results))));
    }
}

} // namespace

void settings::set(std::string_view assignment)
{
    const std::size_t equals = assignment.find('=');
    const std::string_view name = assignment.substr(0, equals);
    const std::size_t dot = name.find('.');
    if (equals == assignment.npos || dot == name.npos || dot == 0 || dot + 1 == name.size()) {
        throw std::runtime_error(fmt::format(
            "--set {}: write PLUGIN.KEY=VALUE, as in bpf_cgroup_device.programs=16", escaped(assignment)));
    }
    by_plugin_[std::string(name.substr(0, dot))][std::string(name.substr(dot + 1))] =
        json_of(assignment, assignment.substr(equals + 1));
}

void settings::check_plugins(const plugin_set &plugins) const
{
    std::vector<std::string> names;
    for (const auto &p : plugins.all()) {
        names.push_back(p->name());
    }
    for (const auto &[plugin, values] : by_plugin_) {
        if (plugins.find(plugin) == nullptr) {
            throw std::runtime_error(
                fmt::format("--set names plugin {}, which is not loaded{}; --enable loads it",
                            escaped(plugin), did_you_mean(plugin, names)));
        }
    }
}

std::string settings::json(const loaded_plugin &plugin) const
{
    auto values = nlohmann::json::object();
    if (const auto found = by_plugin_.find(plugin.name()); found != by_plugin_.end()) {
        for (const auto &[key, text] : found->second) {
            values[key] = nlohmann::json::parse(text);
        }
    }
    check(plugin, values);
    return values.dump();
}

} // namespace deputyd
