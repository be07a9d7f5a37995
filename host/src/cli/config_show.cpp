// SPDX-License-Identifier: Apache-2.0
#include "cli/config_show.hpp"

#include <set>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "cli/table.hpp"
#include "daemon/configuration.hpp"
#include "notify/host.hpp"
#include "plugin/setting_defaults.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

constexpr const char *by_default = "default";

struct shown_value {
    std::string key;
    json value;
    std::string source;
};

/// A value as TOML writes it.
std::string toml_text(const json &value)
{
    if (!value.is_structured()) {
        return value.dump(-1, ' ', true, json::error_handler_t::replace);
    }
    std::string text;
    for (const auto &[key, item] : value.items()) {
        text += text.empty() ? "" : ", ";
        text += value.is_object() ? key + " = " + toml_text(item) : toml_text(item);
    }
    return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

class shown_values
{
public:
    std::vector<shown_value> all;

    void add(const std::string &key, json value, const std::string &source)
    {
        all.push_back({key, std::move(value), source});
    }
    /// A value of a table, or what counts without it.
    void add(const config_node &table, const std::string &prefix, const char *key, json otherwise)
    {
        const config_node *found = table.find(key);
        add(prefix + key, found == nullptr ? std::move(otherwise) : found->json(), source_text(found));
    }
    /// Every leaf below a table.
    void add_all(const config_node &node, const std::string &key)
    {
        if (!node.is_table) {
            add(key, node.leaf, text_of(node.source));
        }
        for (const auto &[name, child] : node.children) {
            add_all(child, key + "." + name);
        }
    }
};

void show_by_handler(shown_values &out, const config_node &table, const std::string &prefix, json otherwise)
{
    if (table.find(by_default) == nullptr) {
        out.add(prefix + "." + by_default, std::move(otherwise), by_default);
    }
    out.add_all(table, prefix);
}

void show_settings(shown_values &out, const config_node &set, const loaded_plugin &plugin,
                   const std::string &prefix)
{
    json values = set.json();
    if (plugin.settings_schema() != nullptr) {
        fill_in_defaults(json::parse(plugin.settings_schema()), values);
    }
    for (const auto &[key, value] : values.items()) {
        out.add(prefix + "." + key, value, source_text(set.find(key)));
    }
}

void show_handlers(shown_values &out, const policy &p, const std::string &prefix, const plugin_set &plugins)
{
    std::set<std::string> shown;
    std::set<const loaded_plugin *> on;
    for (const ruled_handler &h : ruled_handlers(p, {}, plugins)) {
        if (shown.insert(name_of(h.is)).second) {
            out.add(prefix + "enable." + name_of(h.is), h.on, why_on(p, {}, *h.is));
        }
        if (h.on) {
            on.insert(h.is->plugin);
        }
    }
    for (const loaded_plugin *plugin : on) {
        show_settings(out, p.table("plugin").table(plugin->name()), *plugin,
                      prefix + "plugin." + plugin->name());
    }
}

void show_policy(shown_values &out, const policy &p, const plugin_set &plugins)
{
    const std::string prefix = fmt::format("policy.{}.", p.name);
    out.add(p.all, prefix, "mode", "enforce");
    show_handlers(out, p, prefix, plugins);
    show_by_handler(out, p.table("fail"), prefix + "fail", "EPERM");
    show_by_handler(out, p.table("deadline"), prefix + "deadline", host::settings{}.deadline.count());
    out.add_all(p.table("limits"), prefix + "limits");
}

void show_socket(shown_values &out, const socket_config &socket, const config_node &table)
{
    const std::string prefix = fmt::format("socket.{}.", socket.name);
    out.add(prefix + "path", socket.path.string(), source_text(table.find("path")));
    out.add(table, prefix, "protocol", socket.speaks == protocol::oci ? "oci" : "lxc");
    out.add(table, prefix, "policies", socket.policies);
    out.add(table, prefix, "default", socket.default_policy);
    for (const char *key : {"user", "group"}) {
        out.add(table, prefix, key, "root");
    }
}

shown_values values_of(const configuration &config, const plugin_set &plugins, const std::string &only)
{
    shown_values out;
    for (const std::string &name : config.rules->names()) {
        if (only.empty() || only == name) {
            show_policy(out, *config.rules->find(name), plugins);
        }
    }
    if (!only.empty()) {
        return out;
    }
    const config_node standard; // of sockets that nobody wrote
    const auto &tables = config.tree.table("socket").items, &matches = config.tree.table("match").items;
    for (std::size_t i = 0; i < config.sockets.size(); ++i) {
        show_socket(out, config.sockets[i], tables.empty() ? standard : tables.at(i));
    }
    out.add(config.tree.table("audit"), "audit.", "enabled", true);
    out.add(config.tree.table("audit"), "audit.", "format", "json");
    if (config.observing.metrics) {
        out.add(config.tree.table("metrics"), "metrics.", "listen", "");
    }
    for (std::size_t i = 0; i < matches.size(); ++i) {
        out.add_all(matches[i], fmt::format("match[{}]", i));
    }
    return out;
}

void print_json(const shown_values &values)
{
    json list = json::array();
    for (const shown_value &v : values.all) {
        list.push_back({{"key", v.key}, {"value", v.value}, {"source", v.source}});
    }
    fmt::print("{}\n", list.dump(2, ' ', false, json::error_handler_t::replace));
}

} // namespace

int config_show(const config_check_options &options, const std::string &policy, bool as_json)
{
    plugin_set plugins(plugin_extensions());
    const configuration config = checked_configuration(options, plugins);
    if (!policy.empty() && config.rules->find(policy) == nullptr) {
        throw std::runtime_error(fmt::format("there is no policy {}{}", escaped(policy),
                                             did_you_mean(policy, config.rules->names())));
    }
    const shown_values values = values_of(config, plugins, policy);
    if (as_json) {
        print_json(values);
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const shown_value &v : values.all) {
        rows.push_back({escaped(v.key) + " = " + toml_text(v.value), "# " + escaped(v.source)});
    }
    fmt::print("{}", table_text("ll", rows));
    return 0;
}

} // namespace deputyd
