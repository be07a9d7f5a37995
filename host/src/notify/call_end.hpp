// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/reply.hpp"
#include "observe/call_statistics.hpp"

namespace deputyd
{

/// How a call ended, and with what.
struct call_end {
    ending how = ending::lost;
    int error = 0; ///< 0: none, or not known
    std::int64_t value = 0;
    bool denied = false; ///< by the container's profile
};

/// @param outcome of delivering the decision.
call_end end_of(const decision &what, delivery outcome) noexcept;

} // namespace deputyd
