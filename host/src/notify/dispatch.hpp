// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "caller/call.hpp"
#include "notify/reply.hpp"
#include "notify/seat.hpp"

namespace deputyd
{

struct served_call;

/// A decision and whose it is.
struct dispatched {
    decision what;
    const ruled_handler *by = nullptr; ///< nullptr: no handler takes such calls
    deputy::unique_fd fd;              ///< what the handler gave, for what.fd
    bool is_deferred = false;          ///< answered later, by its ticket
};

/// Runs the handlers of a call until one decides. What a handler may not decide becomes the policy's errno
/// and a line in the log. The lane's thread.
dispatched dispatch(seat &at, served_call &call);

/// A decision that comes after the handler has returned, with its ticket.
/// @param[out] fault what is wrong with it, which makes it the policy's errno, or nullptr. Any thread.
decision judge_deferred(const ruled_handler &by, deputy_verdict verdict, const deputy_answer &a,
                        const char *&fault) noexcept;

/// The descriptor that comes with a verdict. One that the verdict does not ask for is closed too, unless it
/// looks like a struct that a plugin zeroed.
deputy::unique_fd descriptor_given(deputy_verdict verdict, const deputy_answer &a) noexcept;

/// Lets the handler take back what it committed, if it did. The lane's thread.
void undo(const handler &by, deputy_call &call);

/// Tells of a plugin that broke the contract in a call of a thread.
void log_misbehaving(const handler &by, const container &of, std::uint32_t tid, container_load &load,
                     const char *what);

/// What is wrong with a handler's verdict other than DEPUTY_DEFER, and its answer. @return nullptr: nothing.
const char *fault_in_answer(deputy_verdict verdict, const deputy_answer &a, bool may_continue) noexcept;

} // namespace deputyd
