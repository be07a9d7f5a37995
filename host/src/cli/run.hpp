// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/file_systems.hpp"
#include "policy/flags.hpp"
#include "policy/settings.hpp"

namespace deputyd
{

/// deputy's own errors, as with env(1) and docker(1).
constexpr int status_error = 125;

/// The options of "deputy run".
struct run_options {
    flags enabled;
    settings plugin_settings;
    file_systems files;
    std::vector<std::filesystem::path> plugin_files;
    std::filesystem::path plugin_directory;
    std::string log_level = "info";
    bool deadlines = true;
    std::vector<std::string> command;
};

/// Runs a command in an unprivileged container with the host inside this process. Main thread, once.
/// @return exit status. @throw std::runtime_error.
int run(const run_options &options);

} // namespace deputyd
