// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "intake/origin.hpp"

namespace deputyd
{

/// What a peer says of a listener that it sends, and what its socket allows it.
struct arrival {
    std::string socket;   ///< name of the socket it came through
    std::string key;      ///< identifies the container among those of its sender and socket
    std::string name;     ///< for log lines
    std::string selected; ///< the policy that it asks for; "": none
    std::map<std::string, std::string> annotations; ///< of an OCI state
    std::string cookie;                             ///< of LXC
    std::vector<std::string> policies;              ///< that the socket allows
    std::string default_policy;                     ///< of the socket; "": none
    peer sender;
    pid_t pid = 0; ///< a process of the container, or 0 if the peer does not know
};

} // namespace deputyd
