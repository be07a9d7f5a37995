// SPDX-License-Identifier: Apache-2.0
#include "control/handling.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/errno_name.hpp"
#include "base/nearest.hpp"
#include "notify/host.hpp"
#include "plugin/setting_defaults.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

std::string predicate_text(const deputy_predicate &p)
{
    const std::string argument = fmt::format("arg{}", p.argument);
    return p.op == DEPUTY_OP_MASKED_EQ ? fmt::format("{} & {:#x} == {:#x}", argument, p.mask, p.value)
                                       : fmt::format("{} == {:#x}", argument, p.value);
}

std::string condition_text(const handler &h)
{
    std::string text;
    for (const deputy_predicate &p : h.predicates) {
        text += (text.empty() ? "" : ", ") + predicate_text(p);
    }
    return text;
}

std::string source_of(const config_node &table, const handler &h)
{
    return source_text(said_of(table, h));
}

json view_of(const ruled_handler &r, const container_handling &who, const flags_over &over)
{
    const policy &p = *who.rules->is;
    const handler &h = *r.is;
    json view = {{"handler", name_of(&h)},
                 {"on", r.on},
                 {"on_source", why_on(p, over, h)},
                 {"when", condition_text(h)},
                 {"fail", errno_name(r.fail_error)},
                 {"fail_source", source_of(p.table("fail"), h)},
                 {"deadline_source", source_of(p.table("deadline"), h)},
                 {"off", h.off_error == 0 ? "continued" : errno_name(static_cast<int>(h.off_error))}};
    view["deadline_ms"] = (r.deadline.count() != 0 ? r.deadline : host::settings{}.deadline).count();
    if (!who.name.empty()) {
        view["led"] = who.led.contains(name_of(&h));
        view["refused"] = who.refused.contains(h.plugin->name());
    }
    return view;
}

/// With the defaults of what is not set.
json settings_of(const loaded_plugin &plugin, const std::string &set)
{
    json all = json::parse(set);
    if (plugin.settings_schema() != nullptr) {
        fill_in_defaults(json::parse(plugin.settings_schema()), all);
    }
    return all;
}

json limits_of(const call_limits &l)
{
    json limits = json::object();
    if (l.in_flight != 0) {
        limits["calls_in_flight"] = l.in_flight;
    }
    if (l.per_second != 0) {
        limits["calls_per_second"] = l.per_second;
        limits["burst"] = l.burst;
    }
    return limits;
}

} // namespace

json view_of_handling(const container_handling &who, const flags_over &over, const std::string &syscall)
{
    const applied_policy &p = *who.rules;
    json handlers = json::array(), settings = json::object();
    std::vector<std::string> names;
    for (const ruled_handler &r : p.handlers.all()) {
        names.push_back(r.is->syscall);
        if (r.is->syscall == syscall || name_of(r.is) == syscall) {
            handlers.push_back(view_of(r, who, over));
            settings[r.is->plugin->name()] =
                settings_of(*r.is->plugin, plugin_settings(*p.is, *r.is->plugin));
        }
    }
    json view = {{"policy", p.is->name}, {"mode", p.is->observe ? "observe" : "enforce"},
                 {"syscall", syscall},   {"limits", limits_of(p.is->limits)},
                 {"handlers", handlers}, {"settings", std::move(settings)}};
    if (!who.name.empty()) {
        view["container"] = who.name;
    }
    if (handlers.empty()) {
        view["nearest"] = did_you_mean(syscall, names);
    }
    return view;
}

} // namespace deputyd
