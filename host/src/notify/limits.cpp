// SPDX-License-Identifier: Apache-2.0
#include "notify/limits.hpp"

#include "base/log.hpp"
#include "notify/host_state.hpp"
#include "notify/seat.hpp"

namespace deputyd
{
namespace
{

/// Whether the container has too many threads that did not come back; tells when that begins and ends.
bool too_many_hang(const host_state &state, container_load &load)
{
    const bool full =
        load.away.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(state.settings.hung_limit);
    if (load.refusing.load(std::memory_order_relaxed) != full && load.refusing.exchange(full) != full) {
        if (full) {
            log().error("{}: {} calls hang; further ones are refused until one returns", load.of->name,
                        state.settings.hung_limit);
        } else {
            log().info("{}: calls are served again", load.of->name);
        }
    }
    return full;
}

} // namespace

const char *over_limit(const host_state &state, container_load &load, const call_limits &limits,
                       std::chrono::steady_clock::time_point now)
{
    if (too_many_hang(state, load)) {
        return "too many of the container's calls hang";
    }
    if (limits.in_flight != 0 && load.in_flight.load(std::memory_order_relaxed) > limits.in_flight) {
        return "the container has as many calls in flight as its policy allows";
    }
    return load.rate.pass(limits, now) ? nullptr
                                       : "the container makes more calls a second than its policy allows";
}

} // namespace deputyd
