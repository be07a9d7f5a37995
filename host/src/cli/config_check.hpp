// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "daemon/configuration.hpp"

namespace deputyd
{

/// The options of "deputy config check".
struct config_check_options {
    std::optional<std::filesystem::path> config;
    std::filesystem::path plugin_directory;
};

/// Reads the configuration as deputyd does, and loads the plugins that it turns on to check their settings.
/// Touches no socket. @throw std::runtime_error with what is wrong first.
configuration checked_configuration(const config_check_options &options, plugin_set &plugins);

/// The same, and prints the policies and sockets.
/// @return exit status. @throw std::runtime_error with what is wrong first.
int config_check(const config_check_options &options);

} // namespace deputyd
