// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>

namespace deputyd
{

struct handler;

/// How much a container may ask for. 0: as much as it likes.
struct call_limits {
    std::int64_t in_flight = 0;  ///< calls that are not answered
    std::int64_t per_second = 0; ///< calls
    std::int64_t burst = 0;      ///< calls at once; at least 1 where per_second is not 0
};

/// A handler under a policy.
struct ruled_handler {
    const handler *is = nullptr;
    bool on = true;         ///< off: its calls get what the handler declares for that
    bool observed = false;  ///< it decides and does nothing; its calls get the same as if it were off
    int fail_error = EPERM; ///< of calls that it fails, that it is late with, or that are over a limit
    std::chrono::milliseconds deadline{0}; ///< 0: the host's
};

} // namespace deputyd
