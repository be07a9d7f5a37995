// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.hpp>

#include "intake/socket_config.hpp"

namespace deputyd
{

/// Makes a listening socket where the configuration says, with its owner, group and mode: 0600, or 0660 with
/// a group. Makes the directory, root's and mode 0755, if it is not there; replaces a socket that nobody
/// listens on. Main thread: it changes the umask for a moment.
/// @throw std::runtime_error naming the path, the reason and the remedy.
deputy::unique_fd bind_socket(const socket_config &config);

/// Gives the file of a socket the configuration's owner, group and mode. @throw std::runtime_error.
void set_access(const socket_config &config);

/// Whether fd is a listening socket of the configuration's path and protocol.
bool is_socket_of(int fd, const socket_config &config);

} // namespace deputyd
