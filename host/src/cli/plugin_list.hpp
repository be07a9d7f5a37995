// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace deputyd
{

/// "deputy plugin list": prints the plugins in a directory: version, thread model, capabilities, system
/// calls. One that cannot be loaded is named with the reason, on standard error. @return exit status.
int plugin_list(const std::filesystem::path &directory, bool as_json);

/// "deputy plugin show": prints a plugin and its settings, with types and defaults.
/// @param name of a plugin in directory, or a file, which has a slash or ends in ".so".
/// @return exit status. @throw std::runtime_error naming the plugin, the reason and the remedy.
int plugin_show(const std::string &name, const std::filesystem::path &directory, bool as_json);

} // namespace deputyd
