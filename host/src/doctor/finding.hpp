// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/configuration.hpp"

namespace deputyd::doctor
{

/// What was looked at, and what is to be done about it.
struct finding {
    enum class state { good, warning, bad } how = state::good;
    std::string area; ///< kernel, cgroup, runtime, deputyd, configuration, plugin
    std::string what;
    std::string remedy; ///< empty if all is well
};

struct places {
    config_paths config;
    std::filesystem::path socket_directory;
    std::filesystem::path plugin_directory;
};

// One function an area. None throws: what cannot be looked at is a finding.
std::vector<finding> look_at_kernel();
std::vector<finding> look_at_cgroups();
std::vector<finding> look_at_runtimes();
std::vector<finding> look_at_daemon(const places &p);
std::vector<finding> look_at_configuration(const places &p);
std::vector<finding> look_at_plugins(const places &p);

} // namespace deputyd::doctor
