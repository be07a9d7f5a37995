// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "plugin/plugin_set.hpp"

namespace deputyd
{

/// The file of the plugin named. @throw std::runtime_error if it is not there.
std::filesystem::path find_plugin(const std::string &name, const std::filesystem::path &directory);

/// Loads files, and from directory the plugins named that are not among them. Main thread.
/// @throw std::runtime_error naming a plugin that is not there, or what plugin_set::load() says.
void load_plugins(plugin_set &plugins, std::span<const std::filesystem::path> files,
                  std::span<const std::string> names, const std::filesystem::path &directory);

} // namespace deputyd
