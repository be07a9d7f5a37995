// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>

#include "intake/origin.hpp"

namespace deputyd
{

/// What a peer says of a listener that it sends.
struct arrival {
    std::string socket; ///< name of the socket it came through
    std::string key;    ///< identifies the container among those of its sender and socket
    std::string name;   ///< for log lines
    std::string policy; ///< allowed by the socket
    peer sender;
    pid_t pid = 0; ///< a process of the container, or 0 if the peer does not know
};

} // namespace deputyd
