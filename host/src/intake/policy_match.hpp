// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "intake/arrival.hpp"
#include "intake/socket_config.hpp"
#include "policy/config_tree.hpp"
#include "policy/policies.hpp"

namespace deputyd
{

/// A table of [[match]] in the configuration: the policy of containers that select none and fit all of its
/// conditions. Texts are patterns, as of fnmatch(3); "*" stands for slashes too.
struct policy_match {
    std::string policy;
    std::string source;                             ///< name of the socket; empty: any
    std::map<std::string, std::string> annotations; ///< of the OCI state
    std::string cookie;                             ///< of LXC; empty: any
    std::string cgroup;                             ///< path from the root of the hierarchy; empty: any
    std::vector<uid_t> uids;                        ///< of who sent it; empty: any
};

/// The rules of a configuration, in their order. @throw config_error.
std::vector<policy_match> policy_matches(const config_node &tree, const policies &known,
                                         const std::vector<socket_config> &sockets);

/// The policy of a container that comes: the one that it selects, else that of the first rule that fits and
/// whose policy its socket allows, else the socket's default.
/// @param cgroup path from the root of the hierarchy.
/// @throw std::runtime_error if the socket does not allow it, or there is none.
const std::string &choose_policy(const arrival &a, const std::string &cgroup,
                                 const std::vector<policy_match> &rules);

} // namespace deputyd
