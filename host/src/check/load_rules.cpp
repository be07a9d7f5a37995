// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "check/rule.hpp"
#include "check/trial.hpp"
#include "notify/host.hpp"
#include "plugin/setting_defaults.hpp"
#include "policy/schema.hpp"

namespace deputyd::check
{
namespace
{

using nlohmann::json;

/// What every schema of settings is: an object's, and closed, so that a key with a mistake is no other.
void check_top(const json &schema)
{
    if (!schema.is_object() || schema.value("type", "") != "object") {
        throw broken("its settings schema does not say \"type\": \"object\"; settings are a table");
    }
    if (schema.value("additionalProperties", json(true)) != json(false)) {
        throw broken("its settings schema lets unknown settings in; say \"additionalProperties\": false");
    }
}

void check_setting(const std::string &name, const json &property)
{
    const auto text = property.is_object() ? property.find("description") : property.end();
    if (!property.is_object() || text == property.end() || !text->is_string() || text->empty()) {
        throw broken(
            fmt::format("setting {} has no description; deputy plugin show prints it", escaped(name)));
    }
    if (!property.contains("type") && !property.contains("enum") && !property.contains("$ref") &&
        !property.contains("oneOf") && !property.contains("anyOf")) {
        throw broken(fmt::format("setting {} has no type; say which values it takes", escaped(name)));
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
    check_top(schema);
    const json properties = schema.value("properties", json::object());
    for (const auto &[name, property] : properties.items()) {
        check_setting(name, property);
    }
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
