// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "caller/denied_calls.hpp"
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
    std::shared_ptr<const denied_calls> denied; ///< as container::denied
    pid_t pid = 0; ///< a process of the container, or 0 if the peer does not know
};

/// What a word of the peer's says that the container's profile denies. @param word "": it says nothing.
/// @return nullptr for nothing. @throw std::runtime_error saying what is wrong in it.
inline std::shared_ptr<const denied_calls> denied_by(std::string_view word)
{
    return word.empty() ? nullptr : std::make_shared<const denied_calls>(parse_denied(word));
}

} // namespace deputyd
