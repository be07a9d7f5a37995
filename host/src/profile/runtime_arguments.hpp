// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "policy/flags.hpp"

namespace deputyd::profile
{

/// deputy-runtime's own options, which stand before those of the runtime.
struct runtime_options {
    std::string runtime;         ///< path; empty: $DEPUTY_RUNTIME or the first that is installed
    std::string policy;          ///< empty: what the container's annotation deputy.policy says
    flags enabled;               ///< instead of what the configuration says of the policy
    bool names_handlers = false; ///< whether enabled counts
    std::vector<std::filesystem::path> plugins;
    std::filesystem::path plugin_directory;
    std::filesystem::path configuration = "/etc/deputy/deputy.toml";
    std::string socket = "/run/deputy/oci.sock";
    bool help = false;
    std::size_t count = 0; ///< arguments that they take
};

/// Reads own options from the front of the arguments, as --NAME VALUE or --NAME=VALUE.
/// @throw std::runtime_error naming an option without value.
runtime_options own_options(std::span<const std::string> arguments,
                            const std::filesystem::path &plugin_directory);

/// What a runtime is asked to do.
struct runtime_request {
    std::string command; ///< "create", "run", ...; empty if there is none
    std::string log;     ///< the file of --log, in which engines look for the reason of a failure
    bool log_is_json = false;
    std::string bundle = ".";  ///< of create and run
    bool names_config = false; ///< crun's --config: not the bundle's config.json
    bool makes_container() const { return command == "create" || command == "run"; }
};

/// Understands the arguments of runc, crun and youki.
runtime_request understand(std::span<const std::string> arguments);

/// The runtime to execute: an absolute path, of a program that is not this one.
/// @throw std::runtime_error naming what is wrong with it.
std::string find_runtime(const std::string &named);

} // namespace deputyd::profile
