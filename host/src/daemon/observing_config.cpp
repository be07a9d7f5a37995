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

} // namespace

observing_config observing_of(const config_node &tree)
{
    return {metrics_address(tree)};
}

} // namespace deputyd
