// SPDX-License-Identifier: Apache-2.0
#include "policy/settings.hpp"

#include <sstream>
#include <stdexcept>
#include <vector>

#include <toml++/toml.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "policy/schema.hpp"

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
    if (const auto wrong = check_settings(plugin, values)) {
        throw std::runtime_error(fmt::format("setting {}{}: {}", plugin.name(),
                                             wrong->key.empty() ? "" : "." + escaped(wrong->key),
                                             wrong->reason));
    }
    return values.dump();
}

} // namespace deputyd
