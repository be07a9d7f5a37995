// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include <deputy/plugin.h>

namespace deputyd
{

struct container;

/// Who may still act on a call. The handler's thread and the watchdog race for it.
enum class call_state : std::uint32_t {
    handling, ///< the handler may act and answer
    answered, ///< the watchdog has answered: the handler must not act any more
};

} // namespace deputyd

/// What plugins know as an opaque call: one notification while its handler runs. Lives on the lane's
/// thread; only state is shared.
struct deputy_call {
    int listener;     ///< seccomp notify descriptor, borrowed: for ID_VALID only
    std::uint64_t id; ///< of the notification
    deputy_syscall syscall;
    const deputyd::container *container;
    std::atomic<deputyd::call_state> *state;
    struct deputy_token *token; ///< the journal's copy of what commit() recorded; see notify/journal.hpp
    bool may_commit;            ///< the handler has an undo
    int pidfd = -1;             ///< of the calling thread, opened on first need; the call's owner closes it
};
