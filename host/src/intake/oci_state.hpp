// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// What a runtime says of the process whose listener it sends: the runtime specification's "container
/// process state". All of it is the peer's word.
struct oci_state {
    std::string id;                                 ///< of the container; exec'd processes have it too
    std::string bundle;                             ///< may be "."
    std::string status;                             ///< "creating", "running"
    std::string metadata;                           ///< listenerMetadata
    std::map<std::string, std::string> annotations; ///< only those whose values are strings
    std::vector<std::string> fds;                   ///< names of the descriptors, in their order
    pid_t pid = 0; ///< of the container's init; 0 where the runtime sends none

    /// Index of the listener among the descriptors. @return false if it is not named or not there.
    bool listener_index(std::size_t descriptors, std::size_t &ret_index) const;
    /// The policy that metadata or, without it, the annotation deputy.policy names; "" if none is named.
    std::string policy() const;
};

/// How far the bytes that arrived are a message.
enum class oci_progress {
    incomplete, ///< the start of one: more must come
    complete,
    wrong, ///< can no longer become one
};

struct oci_parsed {
    oci_progress progress;
    oci_state state;    ///< if complete
    std::string reason; ///< if wrong: what is wrong, escaped
};

/// Reads the state from everything that arrived so far. Unknown keys are skipped.
oci_parsed parse_oci_state(std::string_view text);

/// The value of "policy=NAME" among words separated by blanks or commas, as in listenerMetadata and LXC's
/// cookie; "" if there is none.
std::string policy_word(std::string_view text);
/// The same for "name=NAME".
std::string name_word(std::string_view text);
/// The same for "denied=...": see denied_calls.
std::string denied_word(std::string_view text);

} // namespace deputyd
