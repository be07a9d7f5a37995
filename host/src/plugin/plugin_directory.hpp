// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "plugin/plugin_set.hpp"

namespace deputyd
{

/// Plugins by name, each with the system calls that it handles.
using known_plugins = std::map<std::string, std::vector<std::string>>;

/// The plugins that are loaded, and those of a directory as their manifests say; runs nothing of them. Files
/// that no host could load are left out.
known_plugins installed_plugins(const plugin_set &plugins, const std::filesystem::path &directory);

/// The file of the plugin named. @throw std::runtime_error if it is not there.
std::filesystem::path find_plugin(const std::string &name, const std::filesystem::path &directory);

/// Loads files, and from directory the plugins named that are not among them. Main thread.
/// @throw std::runtime_error naming a plugin that is not there, or what plugin_set::load() says.
void load_plugins(plugin_set &plugins, std::span<const std::filesystem::path> files,
                  std::span<const std::string> names, const std::filesystem::path &directory);

} // namespace deputyd
