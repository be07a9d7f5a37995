// SPDX-License-Identifier: Apache-2.0
#include "policy/policies.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "policy/config_value.hpp"
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

constexpr std::int64_t longest_deadline_ms = 600'000;
constexpr std::int64_t most_calls = 1'000'000;

/// Values by handler: "default", a plugin, or a table of a plugin's system calls.
template <class Check>
void check_by_handler(const config_node &table, const std::string &key, const Check &check)
{
    expect_table(table, key);
    for (const auto &[name, value] : table.children) {
        const std::string full = key + "." + name;
        if (!value.is_table) {
            check(value, full);
            continue;
        }
        for (const auto &[syscall, of_call] : value.children) {
            check(of_call, full + "." + syscall);
        }
    }
}

void check_limits(const config_node &limits, const std::string &key)
{
    expect_table(limits, key);
    expect_keys(limits, key + ".", "the limits of a policy",
                {"calls_in_flight", "calls_per_second", "burst"});
    for (const auto &[name, value] : limits.children) {
        expect_integer(value, key + "." + name, 1, most_calls);
    }
}

void check_mode(const config_node &value, const std::string &key)
{
    if (value.leaf != "enforce" && value.leaf != "observe") {
        throw config_error(value.source, key, R"(must be "enforce" or "observe")");
    }
}

void check_tables(const config_node &tables, const std::string &key)
{
    expect_table(tables, key);
    for (const auto &[name, table] : tables.children) {
        expect_table(table, key + "." + name);
    }
}

void check_enable(const config_node &flags, const std::string &key)
{
    expect_table(flags, key);
    for (const auto &[plugin, value] : flags.children) {
        check_flag(value, key + "." + plugin);
    }
}

void check_value(const std::string &name, const config_node &value, const std::string &key)
{
    if (name == "inherit") {
        if (!value.leaf.is_string() || value.leaf == "") {
            throw config_error(value.source, key, "must be the name of a policy");
        }
    } else if (name == "enable") {
        check_enable(value, key);
    } else if (name == "plugin") {
        check_tables(value, key);
    } else if (name == "mode") {
        check_mode(value, key);
    } else if (name == "fail") {
        check_by_handler(value, key, [](const auto &v, const auto &k) { expect_errno(v, k); });
    } else if (name == "deadline") {
        check_by_handler(value, key, [](const auto &v, const auto &k) {
            expect_integer(v, k, 1, longest_deadline_ms, " of milliseconds");
        });
    } else if (name == "limits") {
        check_limits(value, key);
    }
}

void check_shape(const config_node &p, const std::string &key)
{
    expect_table(p, key);
    expect_keys(p, key + ".", "a policy",
                {"inherit", "enable", "plugin", "mode", "fail", "deadline", "limits"});
    for (const auto &[name, child] : p.children) {
        check_value(name, child, key + "." + name);
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

std::int64_t limit_of(const config_node &limits, const std::string &key, std::int64_t otherwise)
{
    const config_node *found = limits.find(key);
    return found == nullptr ? otherwise : found->leaf.get<std::int64_t>();
}

call_limits limits_of(const policy &p)
{
    const config_node &limits = p.table("limits");
    call_limits l;
    l.in_flight = limit_of(limits, "calls_in_flight", 0);
    l.per_second = limit_of(limits, "calls_per_second", 0);
    l.burst = limit_of(limits, "burst", l.per_second);
    if (l.per_second == 0 && limits.find("burst") != nullptr) {
        throw config_error(limits.find("burst")->source, fmt::format("policy.{}.limits.burst", p.name),
                           "says nothing without calls_per_second: write that too");
    }
    return l;
}

} // namespace

std::vector<std::string> policy::plugins() const
{
    std::vector<std::string> on;
    for (const auto &[plugin, flag] : table("enable").children) {
        if (flag.leaf != false) {
            on.push_back(plugin);
        }
    }
    return on;
}

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
        policy p;
        p.name = name;
        p.all = resolve(*all, name, path);
        p.all.children.erase("inherit");
        p.observe = p.all.find("mode") != nullptr && p.all.find("mode")->leaf == "observe";
        p.limits = limits_of(p);
        by_name_.emplace(name, std::move(p));
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
        const auto own = p.plugins();
        on.insert(own.begin(), own.end());
    }
    return {on.begin(), on.end()};
}

std::string plugin_settings(const policy &p, const loaded_plugin &plugin)
{
    const config_node *table = p.table("plugin").find(plugin.name());
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
