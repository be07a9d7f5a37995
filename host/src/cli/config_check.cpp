// SPDX-License-Identifier: Apache-2.0
#include "cli/config_check.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "daemon/configuration.hpp"
#include "notify/host.hpp"

namespace deputyd
{

configuration checked_configuration(const config_check_options &options, plugin_set &plugins)
{
    const config_paths paths = options.config ? config_paths_of(*options.config) : standard_config_paths();
    configuration config = read_configuration(paths, default_socket_directory);
    load_enabled(plugins, *config.rules, {}, options.plugin_directory);
    check_policies(*config.rules, plugins);
    return config;
}

int config_check(const config_check_options &options)
{
    plugin_set plugins(plugin_extensions());
    const configuration config = checked_configuration(options, plugins);
    fmt::print("policies: {}\n", fmt::join(config.rules->names(), ", "));
    for (const auto &socket : config.sockets) {
        fmt::print("socket {}: default policy {}, allowed {}\n", socket.path.string(),
                   socket.default_policy.empty() ? "none" : socket.default_policy,
                   fmt::join(socket.policies, ", "));
    }
    return 0;
}

} // namespace deputyd
