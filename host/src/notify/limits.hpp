// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "plugin/call_rules.hpp"

namespace deputyd
{

struct host_state;
struct container_load;

/// Lets calls through as their rate allows: at most burst at once, and per_second in the long run. Any
/// thread; waits for nobody.
class rate_gate
{
public:
    bool pass(const call_limits &limits, std::chrono::steady_clock::time_point now) noexcept
    {
        if (limits.per_second == 0) {
            return true;
        }
        constexpr std::int64_t second = 1'000'000'000;
        const std::int64_t apart = second / limits.per_second;
        const std::int64_t at =
            std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
        std::int64_t due = due_.load(std::memory_order_relaxed);
        for (;;) {
            const std::int64_t next = std::max(due, at) + apart;
            if (next - at > apart * limits.burst) {
                return false;
            }
            if (due_.compare_exchange_weak(due, next, std::memory_order_relaxed)) {
                return true;
            }
        }
    }

private:
    std::atomic<std::int64_t> due_{0}; ///< when all that were let through are paid for, in ns
};

/// Which limit a call of the container is over, one of the policy's or the host's own. Counts the call.
/// @return nullptr: none.
const char *over_limit(const host_state &state, container_load &load, const call_limits &limits,
                       std::chrono::steady_clock::time_point now);

} // namespace deputyd
