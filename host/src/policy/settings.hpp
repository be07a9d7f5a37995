// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "plugin/plugin_set.hpp"

namespace deputyd
{

/// The settings of plugins, as TOML values by key.
class settings
{
public:
    /// @param assignment "PLUGIN.KEY=VALUE": VALUE is TOML, as in bpf_cgroup_device.programs=16. A later one
    ///        replaces an earlier one. @throw std::runtime_error with what is wrong in it.
    void set(std::string_view assignment);

    /// Whether all of them are for plugins that are loaded. @throw std::runtime_error if not.
    void check_plugins(const plugin_set &plugins) const;

    /// A plugin's settings as a JSON object, checked against its schema.
    /// @throw std::runtime_error naming the plugin, the key and the reason.
    std::string json(const loaded_plugin &plugin) const;

private:
    std::map<std::string, std::map<std::string, std::string>> by_plugin_; ///< plugin, key, JSON text
};

} // namespace deputyd
