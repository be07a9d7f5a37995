// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "check/rule.hpp"
#include "check/settings_schema.hpp"
#include "check/trial.hpp"
#include "notify/host.hpp"
#include "plugin/setting_defaults.hpp"
#include "policy/schema.hpp"

namespace deputyd::check
{
namespace
{

using nlohmann::json;

/// What every schema of settings is, as installed with the SDK.
void check_schema(const json &schema)
{
    static const json expected = json::parse(settings_schema_schema);
    if (const auto complaint = check_against(expected, schema); complaint) {
        throw broken(
            fmt::format("its settings schema does not fit settings.schema.json of the SDK: {} {}; see "
                        "deputy-plugin(7), SETTINGS",
                        escaped(complaint->key), escaped(complaint->reason)));
    }
}

} // namespace

void check_loads(const subject &s)
{
    open_plugin(s.file);
}

void check_handlers(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    drop_privileges();
    const loaded_plugin plugin(opened.about, *opened.description, plugin_extensions());
    for (const std::string &name : opened.about.syscalls) {
        const auto registered = plugin.handlers();
        if (std::none_of(registered.begin(), registered.end(),
                         [&](const auto &h) { return h->syscall == name; })) {
            throw broken(
                fmt::format("its manifest names {}, for which it registers no handler; register one or "
                            "take the name out",
                            name));
        }
    }
}

void check_settings_schema(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    if (opened.description->settings_schema == nullptr) {
        return;
    }
    const json schema = json::parse(opened.description->settings_schema, nullptr, false);
    if (schema.is_discarded()) {
        throw broken("its settings schema is not JSON; see RFC 8259");
    }
    check_schema(schema);
    json defaults = json::object();
    fill_in_defaults(schema, defaults);
    drop_privileges();
    const loaded_plugin plugin(opened.about, *opened.description, plugin_extensions());
    for (const json &settings : {json::object(), defaults}) {
        if (const auto complaint = check_settings(plugin, settings); complaint) {
            throw broken(fmt::format("its settings schema refuses {}: {} {}; correct the default",
                                     settings.empty() ? "no settings" : "its own defaults", complaint->key,
                                     complaint->reason));
        }
    }
}

void check_life(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    trial t(opened, s.seed);
    t.plugin->exec(1);
    t.plugin->remove_container(1);
    t.plugin->add_container(3);
    t.plugin->remove_container(3);
    t.plugin->remove_container(2);
    t.plugin.reset();
    t.plugin = std::make_unique<deputy::testing::fake_plugin>(t.host, *t.opened.description);
}

} // namespace deputyd::check
