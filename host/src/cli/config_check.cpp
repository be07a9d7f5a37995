// SPDX-License-Identifier: Apache-2.0
#include "cli/config_check.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "daemon/configuration.hpp"
#include "notify/host.hpp"

namespace deputyd
{

int config_check(const config_check_options &options)
{
    const config_paths paths = options.config ? config_paths_of(*options.config) : standard_config_paths();
    const configuration config = read_configuration(paths, default_socket_directory);
    plugin_set plugins(plugin_extensions());
    load_enabled(plugins, *config.rules, options.plugin_directory);
    check_policies(*config.rules, plugins);
    fmt::print("policies: {}\n", fmt::join(config.rules->names(), ", "));
    for (const auto &socket : config.sockets) {
        fmt::print("socket {}: default policy {}, allowed {}\n", socket.path.string(),
                   socket.default_policy.empty() ? "none" : socket.default_policy,
                   fmt::join(socket.policies, ", "));
    }
    return 0;
}

} // namespace deputyd
