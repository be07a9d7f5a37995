// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "daemon/observing_config.hpp"
#include "intake/policy_match.hpp"
#include "intake/socket_config.hpp"
#include "plugin/plugin_set.hpp"
#include "policy/handlers.hpp"
#include "policy/policies.hpp"

namespace deputyd
{

/// Where the configuration is: the three are laid over each other in this order.
struct config_paths {
    std::filesystem::path packaged; ///< directory of *.toml
    std::filesystem::path file;     ///< may be missing if it is the standard one
    std::filesystem::path local;    ///< directory of *.toml
    bool must_exist = false;        ///< file was asked for
};

/// Where sockets with a relative path are unless something else is said.
inline constexpr const char *default_socket_directory = "/run/deputy";
/// Where in it deputyd answers "deputy ps" and its like.
inline constexpr const char *control_socket_name = "control.sock";

/// /etc/deputy/deputy.toml, /etc/deputy/conf.d and what is installed.
config_paths standard_config_paths();
/// A file, the conf.d beside it, and what is installed.
config_paths config_paths_of(const std::filesystem::path &file);

/// A configuration whose policies and sockets fit each other.
struct configuration {
    config_node tree; ///< all of it
    std::shared_ptr<const policies> rules;
    std::vector<socket_config> sockets;
    std::vector<policy_match> matches;
    observing_config observing;
};

/// @param socket_directory of sockets with a relative path. @throw config_error.
configuration read_configuration(const config_paths &paths, const std::filesystem::path &socket_directory);

/// Loads the plugins that some policy or flag turns on and that are not loaded yet.
/// @throw config_error of what a policy names and is not installed; std::runtime_error of a flag that names
///        such, or a plugin that cannot be loaded.
void load_enabled(plugin_set &plugins, const policies &rules, const flags &over,
                  const std::filesystem::path &directory);

/// Whether the settings of every policy fit the plugins that are loaded. @throw config_error.
void check_policies(const policies &rules, const plugin_set &plugins);

} // namespace deputyd
