// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace deputyd
{

/// A value in a URL.
std::string in_url(const std::string &value);

/// Asks a deputyd. @throw std::runtime_error if there is none, with the remedy.
nlohmann::json ask_daemon(const std::filesystem::path &socket, const std::string &path);

/// Tells a deputyd something. @throw std::runtime_error as ask_daemon(), and with its reason if it refuses.
nlohmann::json tell_daemon(const std::filesystem::path &socket, const std::string &path,
                           const std::string &body);

/// Reads an answer that goes on, line by line.
/// @param take is given each line; false ends it. @throw std::runtime_error as ask_daemon(), also if deputyd
///        ends it.
void read_daemon(const std::filesystem::path &socket, const std::string &path,
                 const std::function<bool(const std::string &line)> &take);

} // namespace deputyd
