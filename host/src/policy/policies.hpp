// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugin/call_rules.hpp"
#include "plugin/plugin_set.hpp"
#include "policy/config_tree.hpp"

namespace deputyd
{

/// A policy with what it inherits laid beneath it.
struct policy {
    std::string name;
    config_node all;      ///< table: everything that it says, but inherit
    bool observe = false; ///< mode = "observe"
    call_limits limits;

    /// One of its tables, an empty one if it has none.
    const config_node &table(const std::string &key) const { return all.table(key); }
    /// The plugins of which its flags turn something on.
    std::vector<std::string> plugins() const;
};

/// The policies of a configuration. Immutable once made.
class policies
{
public:
    policies() = default;
    /// @param tree the merged configuration; takes its table `policy`.
    /// @throw config_error for unknown keys, wrong types, unknown parents and circles.
    explicit policies(const config_node &tree);

    /// The policy of that name, or nullptr.
    const policy *find(const std::string &name) const;
    std::vector<std::string> names() const;
    /// Every plugin that some policy turns on, each once.
    std::vector<std::string> plugins() const;

private:
    std::map<std::string, policy> by_name_;
};

/// A plugin's settings under a policy, as a JSON object, checked against its schema. @throw config_error.
std::string plugin_settings(const policy &p, const loaded_plugin &plugin);

} // namespace deputyd
