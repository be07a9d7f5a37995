// SPDX-License-Identifier: Apache-2.0
#include "daemon/observing_config.hpp"

#include <string>

#include <fmt/format.h>

#include "base/log.hpp"
#include "policy/config_value.hpp"

namespace deputyd
{
namespace
{

/// A value of the table of that name, which has no other keys than these; nullptr if there is none.
const config_node *value_in(const config_node &tree, const std::string &name,
                            const std::vector<std::string> &keys, const std::string &key)
{
    const config_node *table = tree.find(name);
    if (table == nullptr) {
        return nullptr;
    }
    expect_table(*table, name);
    expect_keys(*table, name + ".", name.c_str(), keys);
    return table->find(key);
}

std::optional<loopback_address> metrics_address(const config_node &tree)
{
    const config_node *listen = value_in(tree, "metrics", {"listen"}, "listen");
    if (listen == nullptr) {
        return std::nullopt;
    }
    auto address = listen->leaf.is_string() ? parse_loopback(listen->leaf.get<std::string>()) : std::nullopt;
    if (!address) {
        throw config_error(listen->source, "metrics.listen",
                           fmt::format("must be an address of this machine alone, \"127.0.0.1:PORT\" or "
                                       "\"[::1]:PORT\", not {}; a proxy can show it to others",
                                       escaped(listen->json().dump(-1, ' ', true))));
    }
    return address;
}

audit_form audit_of(const config_node &tree)
{
    const std::vector<std::string> keys = {"enabled", "format"};
    const config_node *enabled = value_in(tree, "audit", keys, "enabled");
    if (enabled != nullptr && !enabled->leaf.is_boolean()) {
        throw config_error(enabled->source, "audit.enabled", "must be true or false");
    }
    const config_node *format = value_in(tree, "audit", keys, "format");
    if (format != nullptr && format->leaf != "text" && format->leaf != "json") {
        throw config_error(format->source, "audit.format", R"(must be "text" or "json")");
    }
    if (enabled != nullptr && enabled->leaf == false) {
        return audit_form::off;
    }
    return format != nullptr && format->leaf == "text" ? audit_form::text : audit_form::json;
}

} // namespace

observing_config observing_of(const config_node &tree)
{
    return {metrics_address(tree), audit_of(tree)};
}

} // namespace deputyd
