// SPDX-License-Identifier: Apache-2.0
#include "policy/config_value.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "base/nearest.hpp"

namespace deputyd
{

void expect_table(const config_node &node, const std::string &key)
{
    if (!node.is_table) {
        throw config_error(node.source, key, "must be a table");
    }
}

void expect_keys(const config_node &table, const std::string &prefix, const char *what,
                 const std::vector<std::string> &known)
{
    for (const auto &[key, child] : table.children) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            throw config_error(child.source, prefix + key,
                               fmt::format("is not a key of {}{}", what, nearest_of(key, known, "It has")));
        }
    }
}

std::string expect_text(const config_node &node, const std::string &key)
{
    if (!node.leaf.is_string() || node.leaf.get_ref<const std::string &>().empty()) {
        throw config_error(node.source, key, "must be a string that is not empty");
    }
    return node.leaf.get<std::string>();
}

std::int64_t expect_integer(const config_node &node, const std::string &key, std::int64_t least,
                            std::int64_t most, const char *unit)
{
    if (!node.leaf.is_number_integer() || node.leaf.get<std::int64_t>() < least ||
        node.leaf.get<std::int64_t>() > most) {
        throw config_error(node.source, key,
                           fmt::format("must be an integer{} from {} to {}", unit, least, most));
    }
    return node.leaf.get<std::int64_t>();
}

std::vector<std::string> expect_texts(const config_node &node, const std::string &key)
{
    const auto is_text = [](const nlohmann::json &item) {
        return item.is_string() && !item.get_ref<const std::string &>().empty();
    };
    if (!node.leaf.is_array() || !std::all_of(node.leaf.begin(), node.leaf.end(), is_text)) {
        throw config_error(node.source, key, "must be a list of strings that are not empty");
    }
    return node.leaf.get<std::vector<std::string>>();
}

int expect_errno(const config_node &node, const std::string &key)
{
    const int number = node.leaf.is_string() ? errno_by_name(node.leaf.get<std::string>()) : 0;
    if (number == 0) {
        throw config_error(node.source, key, "must be the name of an errno, as in \"ENOSYS\"");
    }
    return number;
}

} // namespace deputyd
