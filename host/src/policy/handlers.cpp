// SPDX-License-Identifier: Apache-2.0
#include "policy/handlers.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "base/nearest.hpp"

namespace deputyd
{
namespace
{

constexpr const char *all_handlers = "default"; ///< key of what counts for every handler

const std::vector<std::string> &check_plugin(const config_node &where, const std::string &key,
                                             const std::string &name, const known_plugins &known)
{
    const auto found = known.find(name);
    if (found == known.end()) {
        std::vector<std::string> names;
        for (const auto &[other, syscalls] : known) {
            names.push_back(other);
        }
        throw config_error(
            where.source, key,
            fmt::format("no plugin {} is installed{}", escaped(name), did_you_mean(name, names)));
    }
    return found->second;
}

void check_syscall(const config_node &where, const std::string &key, const std::string &plugin,
                   const std::string &syscall, const std::vector<std::string> &known)
{
    if (std::find(known.begin(), known.end(), syscall) == known.end()) {
        throw config_error(where.source, key,
                           fmt::format("plugin {} handles no system call {}{}", plugin, escaped(syscall),
                                       nearest_of(syscall, known, "It handles")));
    }
}

void check_enable(const policy &p, const known_plugins &known)
{
    for (const auto &[name, flag] : p.table("enable").children) {
        const std::string key = fmt::format("policy.{}.enable.{}", p.name, name);
        if (flag.leaf == false) {
            continue; // it may not even be installed
        }
        const auto &syscalls = check_plugin(flag, key, name, known);
        for (const config_node &item : flag.items) {
            check_syscall(item, key, name, item.leaf.get<std::string>(), syscalls);
        }
    }
}

void check_by_handler(const policy &p, const char *table, const known_plugins &known)
{
    for (const auto &[name, value] : p.table(table).children) {
        if (name == all_handlers && !value.is_table) {
            continue;
        }
        const std::string key = fmt::format("policy.{}.{}.{}", p.name, table, name);
        const auto &syscalls = check_plugin(value, key, name, known);
        for (const auto &[syscall, of_call] : value.children) {
            check_syscall(of_call, key + "." + syscall, name, syscall, syscalls);
        }
    }
}

/// Whether the policy itself has it on.
bool own_flag(const config_node &enable, const handler &h)
{
    const config_node *flag = enable.find(h.plugin->name());
    if (flag == nullptr || flag->leaf.is_boolean()) {
        return flag != nullptr && flag->leaf.get<bool>();
    }
    return std::find(flag->leaf.begin(), flag->leaf.end(), h.syscall) != flag->leaf.end();
}

const flags *of_policy(const flags_over &over, const policy &p)
{
    const auto found = over.by_policy.find(p.name);
    return found == over.by_policy.end() ? nullptr : &found->second;
}

bool is_on(const policy &p, const config_node &enable, const flags_over &over, const handler &h)
{
    const bool on = over.everywhere.is_on(h, own_flag(enable, h));
    const flags *own = of_policy(over, p);
    return own == nullptr ? on : own->is_on(h, on);
}

std::vector<const loaded_plugin *> by_name(const plugin_set &plugins)
{
    std::vector<const loaded_plugin *> all;
    for (const auto &plugin : plugins.all()) {
        all.push_back(plugin.get());
    }
    std::sort(all.begin(), all.end(), [](const auto *a, const auto *b) { return a->name() < b->name(); });
    return all;
}

} // namespace

void check_names(const policy &p, const known_plugins &known)
{
    check_enable(p, known);
    check_by_handler(p, "fail", known);
    check_by_handler(p, "deadline", known);
    for (const auto &[name, settings] : p.table("plugin").children) {
        check_plugin(settings, fmt::format("policy.{}.plugin.{}", p.name, name), name, known);
    }
}

const config_node *said_of(const config_node &table, const handler &h)
{
    const config_node *of_plugin = table.find(h.plugin->name());
    const config_node *said = of_plugin;
    if (of_plugin != nullptr && of_plugin->is_table) {
        said = of_plugin->find(h.syscall);
    }
    return said == nullptr ? table.find(all_handlers) : said;
}

std::vector<ruled_handler> ruled_handlers(const policy &p, const flags_over &over, const plugin_set &plugins)
{
    const config_node &enable = p.table("enable"), &fail = p.table("fail"), &deadline = p.table("deadline");
    std::vector<ruled_handler> all;
    for (const loaded_plugin *plugin : by_name(plugins)) {
        for (const auto &h : plugin->handlers()) {
            ruled_handler r{.is = h.get(), .on = is_on(p, enable, over, *h), .observed = p.observe};
            if (const config_node *said = said_of(fail, *h)) {
                r.fail_error = errno_by_name(said->leaf.get<std::string>());
            }
            if (const config_node *said = said_of(deadline, *h)) {
                r.deadline = std::chrono::milliseconds(said->leaf.get<std::int64_t>());
            }
            all.push_back(r);
        }
    }
    return all;
}

std::vector<const handler *> enabled_handlers(const policy &p, const plugin_set &plugins)
{
    return handlers_on(handler_table(ruled_handlers(p, {}, plugins), p.limits));
}

std::string why_on(const policy &p, const flags_over &over, const handler &h)
{
    if (const flags *own = of_policy(over, p); own != nullptr && own->names(h)) {
        return own->is_on(h, false) ? "deputy enable" : "deputy disable";
    }
    if (over.everywhere.names(h)) {
        return over.everywhere.is_on(h, false) ? "deputyd --enable" : "deputyd --disable";
    }
    return source_text(p.table("enable").find(h.plugin->name()));
}

} // namespace deputyd
