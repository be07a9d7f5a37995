// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <deputy/plugin.hpp>

#include "caller/proc_status.hpp"
#include "caller/turn.hpp"

namespace deputyd
{

struct container;

} // namespace deputyd

/// What plugins know as an opaque call: one notification while its handler runs. Lives on the lane's
/// thread; only turn is shared.
struct deputy_call {
    int listener;     ///< seccomp notify descriptor, borrowed: for ID_VALID only; -1 if not known
    std::uint64_t id; ///< of the notification
    deputy_syscall syscall;
    const deputyd::container *container;
    const deputyd::turn *turn;  ///< whether the handler may still act
    struct deputy_token *token; ///< the journal's copy of what commit() recorded; see notify/journal.hpp
    bool may_commit;            ///< the handler has an undo
    int pidfd = -1;             ///< of the calling thread, opened on first need; the call's owner closes it
    int proc = -1;              ///< its directory in /proc, likewise
    deputy::unique_fd root;     ///< its root directory, likewise; O_PATH
    deputy::unique_fd cwd;      ///< its working directory, likewise; O_PATH
    std::optional<deputyd::proc_status> status;  ///< read on first need, kept for undo
    std::optional<bool> in_own_user_ns;          ///< its user namespace is the container's; kept for undo
    bool undoing = false;                        ///< its undo runs: the caller need not be there any more
    deputy::unique_fd kept;                      ///< what a plugin keeps for undo
    bool observed = false;                       ///< nothing may be done for it
    bool would_act = false;                      ///< of an observed call: its handler wanted to do something
    std::chrono::steady_clock::time_point began; ///< when it came
    std::string object;                          ///< what it is about, by its plugin, for those who look
    std::string reason;                          ///< why it is answered so, likewise
};
