// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "caller/call.hpp"
#include "notify/reply.hpp"
#include "notify/seat.hpp"

namespace deputyd
{

/// A decision and whose it is.
struct dispatched {
    decision what;
    const handler *by = nullptr; ///< nullptr: the host's own
    deputy::unique_fd fd;        ///< what the handler gave, for what.fd
};

/// Runs the handlers of a call until one decides. What a handler may not decide becomes EPERM and a line
/// in the log. The lane's thread.
dispatched dispatch(seat &at, deputy_call &call);

/// Lets the handler take back what it committed, if it did. The lane's thread.
void undo(const handler &by, deputy_call &call);

/// Tells of a plugin that broke the contract in a call.
void log_misbehaving(const handler &by, const deputy_call &call, container_load &load, const char *what);

} // namespace deputyd
