// SPDX-License-Identifier: Apache-2.0
#include "intake/policy_match.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "policy/config_value.hpp"

namespace deputyd
{
namespace
{

constexpr const char *table_name = "match";

std::string full_key(const char *key)
{
    return fmt::format("{}.{}", table_name, key);
}

std::string text_in(const config_node &table, const char *key)
{
    const config_node *found = table.find(key);
    return found == nullptr ? "" : expect_text(*found, full_key(key));
}

std::string policy_in(const config_node &table, const policies &known)
{
    const config_node *found = table.find("policy");
    if (found == nullptr) {
        throw config_error(table.source, full_key("policy"), "is missing: name the policy of what fits");
    }
    std::string name = expect_text(*found, full_key("policy"));
    if (known.find(name) == nullptr) {
        throw config_error(
            found->source, full_key("policy"),
            fmt::format("there is no policy {}{}", escaped(name), did_you_mean(name, known.names())));
    }
    return name;
}

bool fits(const std::string &pattern, const std::string &text)
{
    return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

std::string source_in(const config_node &table, const std::vector<socket_config> &sockets)
{
    std::string pattern = text_in(table, "source");
    std::vector<std::string> names;
    for (const auto &s : sockets) {
        names.push_back(s.name);
    }
    if (!pattern.empty() &&
        std::none_of(names.begin(), names.end(), [&](const auto &name) { return fits(pattern, name); })) {
        throw config_error(table.find("source")->source, full_key("source"),
                           fmt::format("no socket is named {}{}", escaped(pattern),
                                       nearest_of(pattern, names, "There are")));
    }
    return pattern;
}

std::map<std::string, std::string> annotations_in(const config_node &table)
{
    std::map<std::string, std::string> all;
    if (const config_node *found = table.find("annotation")) {
        expect_table(*found, full_key("annotation"));
        for (const auto &[name, value] : found->children) {
            all.emplace(name, expect_text(value, full_key("annotation") + "." + name));
        }
    }
    return all;
}

std::vector<uid_t> uids_in(const config_node &table)
{
    constexpr std::int64_t highest = std::numeric_limits<uid_t>::max() - 1;
    std::vector<uid_t> all;
    const config_node *found = table.find("uid");
    if (found == nullptr) {
        return all;
    }
    const std::vector<config_node> one = {*found};
    const auto &items = found->leaf.is_array() ? found->items : one;
    for (const config_node &item : items) {
        all.push_back(static_cast<uid_t>(expect_integer(item, full_key("uid"), 0, highest)));
    }
    if (all.empty()) {
        throw config_error(found->source, full_key("uid"), "must be a user id or a list of some");
    }
    return all;
}

policy_match read(const config_node &table, const policies &known, const std::vector<socket_config> &sockets)
{
    if (!table.is_table) {
        throw config_error(table.source, table_name, "must be a list of tables: write [[match]]");
    }
    expect_keys(table, full_key(""), "a match",
                {"policy", "source", "annotation", "cookie", "cgroup", "uid"});
    policy_match m;
    m.policy = policy_in(table, known);
    m.source = source_in(table, sockets);
    m.annotations = annotations_in(table);
    m.cookie = text_in(table, "cookie");
    m.cgroup = text_in(table, "cgroup");
    m.uids = uids_in(table);
    if (table.children.size() == 1) {
        throw config_error(table.source, table_name,
                           "has no condition: name a source, annotation, cookie, cgroup or uid, or make the "
                           "policy the default of its socket");
    }
    return m;
}

bool fits(const policy_match &m, const arrival &a, const std::string &cgroup)
{
    const bool annotated = std::all_of(m.annotations.begin(), m.annotations.end(), [&](const auto &wanted) {
        const auto found = a.annotations.find(wanted.first);
        return found != a.annotations.end() && fits(wanted.second, found->second);
    });
    const bool by_uid =
        m.uids.empty() || std::find(m.uids.begin(), m.uids.end(), a.sender.uid) != m.uids.end();
    return annotated && by_uid && (m.source.empty() || fits(m.source, a.socket)) &&
           (m.cookie.empty() || (!a.cookie.empty() && fits(m.cookie, a.cookie))) &&
           (m.cgroup.empty() || fits(m.cgroup, cgroup));
}

bool allows(const arrival &a, const std::string &policy)
{
    return std::find(a.policies.begin(), a.policies.end(), policy) != a.policies.end();
}

} // namespace

std::vector<policy_match> policy_matches(const config_node &tree, const policies &known,
                                         const std::vector<socket_config> &sockets)
{
    std::vector<policy_match> all;
    const config_node *node = tree.find(table_name);
    if (node == nullptr) {
        return all;
    }
    if (!node->leaf.is_array()) {
        throw config_error(node->source, table_name, "must be a list of tables: write [[match]]");
    }
    for (const config_node &table : node->items) {
        all.push_back(read(table, known, sockets));
    }
    return all;
}

const std::string &choose_policy(const arrival &a, const std::string &cgroup,
                                 const std::vector<policy_match> &rules)
{
    if (!a.selected.empty()) {
        const auto found = std::find(a.policies.begin(), a.policies.end(), a.selected);
        if (found == a.policies.end()) {
            throw std::runtime_error(fmt::format("it selects policy {}, which {} does not allow{}",
                                                 escaped(a.selected), a.socket,
                                                 did_you_mean(a.selected, a.policies)));
        }
        return *found;
    }
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const policy_match &m) {
        return allows(a, m.policy) && fits(m, a, cgroup);
    });
    if (rule != rules.end()) {
        return rule->policy;
    }
    if (a.default_policy.empty()) {
        throw std::runtime_error(
            fmt::format("it selects no policy, no [[match]] fits it, and {} has no default", a.socket));
    }
    return a.default_policy;
}

} // namespace deputyd
