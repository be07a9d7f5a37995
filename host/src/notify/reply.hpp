// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstdint>

#include "notify/channel.hpp"

namespace deputyd
{

/// What a call's caller gets.
struct decision {
    enum class kind { value, error, descriptor, proceed } what = kind::error;
    int error = 0;
    std::int64_t value = 0;
    int fd = -1; ///< borrowed
    std::uint32_t fd_flags = 0;
    int number = -1;          ///< that the descriptor gets in the caller; -1: the lowest free
    int misfit_error = EPERM; ///< what the caller gets if the descriptor cannot be sent

    enum class cause {
        handler,  ///< it decided
        failure,  ///< the host did, because the handler failed: what it committed is undone
        limit,    ///< the host did, because the container is over a limit
        off,      ///< the handler is off
        observed, ///< the handler decided, and does nothing
        denied,   ///< no handler took it, and the container's profile denies it with this errno
    } why = cause::handler;
    int would_error = 0; ///< of an observed call: the errno that the handler decided; 0: it would not refuse
    bool would_act = false; ///< likewise: it would have an effect
};

/// What became of it.
enum class delivery {
    delivered,   ///< as decided
    lost,        ///< the caller did not get it
    refused,     ///< the descriptor did not fit into the caller: it got that errno
    misbehaving, ///< the plugin's descriptor cannot be sent: it got misfit_error
};

/// Answers a call. The lane's thread, with the host's own signal blocked where it must be.
/// @param two_step add a descriptor, then answer: four times faster with SYNC_WAKE_UP, but leaves the
///        descriptor in a caller that is interrupted between, so only under WAIT_KILLABLE.
delivery deliver(channel &to, std::uint64_t id, const decision &d, bool two_step) noexcept;

} // namespace deputyd
