// SPDX-License-Identifier: Apache-2.0
#include "daemon/observing_config.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/nearest.hpp"

namespace deputyd
{
namespace
{

/// The table of that name, with no other keys than these; nullptr if there is none.
const config_node *table_of(const config_node &tree, const std::string &name,
                            const std::vector<std::string> &keys)
{
    const config_node *table = tree.find(name);
    if (table == nullptr) {
        return nullptr;
    }
    if (!table->is_table) {
        throw config_error(table->source, name, fmt::format("must be a table: write [{}]", name));
    }
    for (const auto &[key, child] : table->children) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            throw config_error(child.source, name + "." + key,
                               fmt::format("is not a key of {}{} It has: {}", name, did_you_mean(key, keys),
                                           fmt::join(keys, ", ")));
        }
    }
    return table;
}

std::optional<loopback_address> metrics_address(const config_node &tree)
{
    const config_node *table = table_of(tree, "metrics", {"listen"});
    const config_node *listen = table == nullptr ? nullptr : table->find("listen");
    if (listen == nullptr) {
        return std::nullopt;
    }
    const bool is_text = !listen->is_table && listen->leaf.is_string();
    auto address = is_text ? parse_loopback(listen->leaf.get<std::string>()) : std::nullopt;
    if (!address) {
        throw config_error(listen->source, "metrics.listen",
                           fmt::format("must be an address of this machine alone, \"127.0.0.1:PORT\" or "
                                       "\"[::1]:PORT\", not {}; a proxy can show it to others",
                                       escaped(listen->json().dump(-1, ' ', true))));
    }
    return address;
}

bool is_enabled(const config_node *audit)
{
    const config_node *enabled = audit == nullptr ? nullptr : audit->find("enabled");
    if (enabled == nullptr) {
        return true;
    }
    if (enabled->is_table || !enabled->leaf.is_boolean()) {
        throw config_error(enabled->source, "audit.enabled", "must be true or false");
    }
    return enabled->leaf.get<bool>();
}

audit_form audit_of(const config_node &tree)
{
    const config_node *table = table_of(tree, "audit", {"enabled", "format"});
    const config_node *format = table == nullptr ? nullptr : table->find("format");
    const nlohmann::json name = format == nullptr ? nlohmann::json("json") : format->json();
    if (name != "text" && name != "json") {
        throw config_error(format->source, "audit.format", "must be \"text\" or \"json\"");
    }
    if (!is_enabled(table)) {
        return audit_form::off;
    }
    return name == "text" ? audit_form::text : audit_form::json;
}

} // namespace

observing_config observing_of(const config_node &tree)
{
    return {metrics_address(tree), audit_of(tree)};
}

} // namespace deputyd
