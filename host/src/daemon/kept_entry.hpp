// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Something that a host gave its keeper for a successor: descriptors, and a record in a sealed memfd among
/// them that says what they are.
struct kept_entry {
    std::string name;
    nlohmann::json record; ///< null for a socket of a socket unit, which systemd made
    std::vector<deputy::unique_fd> fds;
};

/// Puts a record into a memfd that nobody can change. @throw std::system_error.
deputy::unique_fd make_record(const nlohmann::json &record);

/// Finds the record among an entry's descriptors: the one whose seals forbid to write it.
kept_entry read_entry(std::string name, std::vector<deputy::unique_fd> fds);

} // namespace deputyd
