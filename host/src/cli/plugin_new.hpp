// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace deputyd
{

/// "deputy plugin new": writes the folder name: a plugin that builds with CMake against the installed SDK,
/// its unit test, and a test that runs deputy plugin check.
/// @return exit status. @throw std::runtime_error if the name is none, the folder is there or cannot be made.
int plugin_new(const std::string &name);

} // namespace deputyd
