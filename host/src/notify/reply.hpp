// SPDX-License-Identifier: Apache-2.0
#pragma once

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
    int number = -1;     ///< that the descriptor gets in the caller; -1: the lowest free
    bool failed = false; ///< the host decided, because the handler failed: what it committed is undone
    bool denied = false; ///< no handler took it, and the container's profile denies it with this errno

    /// An errno that the host chose.
    static decision failure(int number) noexcept
    {
        decision d;
        d.error = number;
        d.failed = true;
        return d;
    }
};

/// What became of it.
enum class delivery {
    delivered,   ///< as decided
    lost,        ///< the caller did not get it
    refused,     ///< the descriptor did not fit into the caller: it got that errno
    misbehaving, ///< the plugin's descriptor cannot be sent: it got EPERM
};

/// Answers a call. The lane's thread, with the host's own signal blocked where it must be.
/// @param two_step add a descriptor, then answer: four times faster with SYNC_WAKE_UP, but leaves the
///        descriptor in a caller that is interrupted between, so only under WAIT_KILLABLE.
delivery deliver(channel &to, std::uint64_t id, const decision &d, bool two_step) noexcept;

} // namespace deputyd
