// SPDX-License-Identifier: Apache-2.0
#include "policy/policies.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "policy/schema.hpp"

namespace deputyd
{
namespace
{

std::vector<std::string> keys(const config_node &table)
{
    std::vector<std::string> all;
    for (const auto &[key, child] : table.children) {
        all.push_back(key);
    }
    return all;
}

void expect_table(const config_node &node, const std::string &key)
{
    if (!node.is_table) {
        throw config_error(node.source, key, "must be a table");
    }
}

/// A flag's value: true, false or a list of system calls.
void check_flag(const config_node &value, const std::string &key)
{
    const auto is_string = [](const nlohmann::json &item) { return item.is_string(); };
    const bool is_list =
        value.leaf.is_array() && std::all_of(value.leaf.begin(), value.leaf.end(), is_string);
    if (value.is_table || !(value.leaf.is_boolean() || is_list)) {
        throw config_error(value.source, key,
                           R"(must be true, false or a list of system calls, as in ["mknodat"])");
    }
}

void check_shape(const config_node &p, const std::string &key)
{
    static const std::vector<std::string> known = {"inherit", "enable", "plugin"};
    expect_table(p, key);
    for (const auto &[name, child] : p.children) {
        const std::string full = key + "." + name;
        if (name == "inherit") {
            if (child.is_table || !child.leaf.is_string()) {
                throw config_error(child.source, full, "must be the name of a policy");
            }
        } else if (name == "enable") {
            expect_table(child, full);
            for (const auto &[plugin, value] : child.children) {
                check_flag(value, full + "." + plugin);
            }
        } else if (name == "plugin") {
            expect_table(child, full);
            for (const auto &[plugin, table] : child.children) {
                expect_table(table, full + "." + plugin);
            }
        } else {
            throw config_error(child.source, full,
                               fmt::format("is not a key of a policy{} It has: {}", did_you_mean(name, known),
                                           fmt::join(known, ", ")));
        }
    }
}

/// A policy's own table laid over those of its parents.
config_node resolve(const config_node &all, const std::string &name, std::vector<std::string> &path)
{
    const config_node &own = *all.find(name);
    const config_node *inherit = own.find("inherit");
    if (inherit == nullptr) {
        return own;
    }
    const std::string key = fmt::format("policy.{}.inherit", name);
    const std::string parent = inherit->leaf.get<std::string>();
    path.push_back(name);
    if (all.find(parent) == nullptr) {
        throw config_error(
            inherit->source, key,
            fmt::format("there is no policy {}{}", escaped(parent), did_you_mean(parent, keys(all))));
    }
    if (std::find(path.begin(), path.end(), parent) != path.end()) {
        throw config_error(inherit->source, key,
                           fmt::format("goes in a circle: {} -> {}", fmt::join(path, " -> "), parent));
    }
    config_node merged = resolve(all, parent, path);
    merged.merge(own);
    return merged;
}

config_node table_of(const config_node &p, const std::string &key)
{
    if (const config_node *found = p.find(key)) {
        return *found;
    }
    config_node empty;
    empty.source = p.source;
    empty.is_table = true;
    return empty;
}

} // namespace

policies::policies(const config_node &tree)
{
    const config_node *all = tree.find("policy");
    if (all == nullptr) {
        return;
    }
    expect_table(*all, "policy");
    for (const auto &[name, node] : all->children) {
        check_shape(node, "policy." + name);
    }
    for (const auto &[name, node] : all->children) {
        std::vector<std::string> path;
        const config_node merged = resolve(*all, name, path);
        by_name_.emplace(name, policy{name, table_of(merged, "enable"), table_of(merged, "plugin")});
    }
}

const policy *policies::find(const std::string &name) const
{
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second;
}

std::vector<std::string> policies::names() const
{
    std::vector<std::string> all;
    for (const auto &[name, p] : by_name_) {
        all.push_back(name);
    }
    return all;
}

std::vector<std::string> policies::plugins() const
{
    std::set<std::string> on;
    for (const auto &[name, p] : by_name_) {
        for (const auto &[plugin, flag] : p.enable.children) {
            if (flag.leaf != false) {
                on.insert(plugin);
            }
        }
    }
    return {on.begin(), on.end()};
}

std::vector<const handler *> enabled_handlers(const policy &p, const plugin_set &plugins)
{
    std::vector<const handler *> on;
    for (const auto &[name, flag] : p.enable.children) {
        const std::string key = fmt::format("policy.{}.enable.{}", p.name, name);
        if (flag.leaf == false) {
            continue;
        }
        const loaded_plugin *plugin = plugins.find(name);
        if (plugin == nullptr) {
            throw config_error(flag.source, key, fmt::format("no plugin {} is installed", escaped(name)));
        }
        const auto &known = plugin->about().syscalls;
        std::set<std::string> wanted(known.begin(), known.end());
        if (flag.leaf.is_array()) {
            const auto listed = flag.leaf.get<std::vector<std::string>>();
            for (const auto &syscall : listed) {
                if (!wanted.contains(syscall)) {
                    throw config_error(flag.source, key,
                                       fmt::format("plugin {} handles no system call {}{} It handles: {}",
                                                   name, escaped(syscall), did_you_mean(syscall, known),
                                                   fmt::join(known, ", ")));
                }
            }
            wanted = {listed.begin(), listed.end()};
        }
        for (const auto &h : plugin->handlers()) {
            if (wanted.contains(h->syscall)) {
                on.push_back(h.get());
            }
        }
    }
    return on;
}

std::string plugin_settings(const policy &p, const loaded_plugin &plugin)
{
    const config_node *table = p.settings.find(plugin.name());
    if (table == nullptr) {
        return "{}";
    }
    const auto values = table->json();
    if (const auto wrong = check_settings(plugin, values)) {
        const config_node *at = table->find(wrong->key);
        throw config_error(at == nullptr ? table->source : at->source,
                           fmt::format("policy.{}.plugin.{}{}", p.name, plugin.name(),
                                       wrong->key.empty() ? "" : "." + wrong->key),
                           wrong->reason);
    }
    return values.dump();
}

} // namespace deputyd
