// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "daemon/configuration.hpp"

namespace deputyd
{

/// What the host process is told on its command line.
struct host_options {
    config_paths config;
    std::filesystem::path socket_directory;
    std::filesystem::path plugin_directory;
    flags enabled; ///< over those of every policy
};

/// Serves until the keeper says otherwise. Does not return: a host ends like one that crashes, without taking
/// anything apart, since a successor goes on with all of it.
/// @param keeper_socket number of the socket to the keeper.
/// @throw std::runtime_error if it cannot start.
[[noreturn]] void run_host(const host_options &options, int keeper_socket);

} // namespace deputyd
