// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "policy/policies.hpp"

namespace deputyd
{

/// How the peers of a socket speak.
enum class protocol {
    oci, ///< SOCK_STREAM: linux.seccomp.listenerPath
    lxc, ///< SOCK_SEQPACKET: lxc.seccomp.notify.proxy
};

/// A socket that listeners come through: a table of [[socket]] in the configuration.
struct socket_config {
    std::string name; ///< of the file, without its directory; names the socket for systemd too
    protocol speaks;
    std::filesystem::path path;
    std::vector<std::string> policies; ///< that its peers may select
    std::string default_policy;        ///< for those that select none
    std::optional<uid_t> owner;        ///< who may connect beside root
    std::optional<gid_t> group;
};

/// The sockets of a configuration; without [[socket]] the two standard ones, oci.sock and lxc.sock, for root
/// alone, with every policy and the first of `default` or `nested` that there is as their default.
/// @param directory of relative paths.
/// @throw config_error.
std::vector<socket_config> socket_configs(const config_node &tree, const policies &known,
                                          const std::filesystem::path &directory);

} // namespace deputyd
