// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "notify/seat.hpp"

namespace deputyd
{

struct host_state;

/// Why a thread does not serve its lane any more.
enum class leaving {
    over,     ///< no more calls come
    replaced, ///< another thread has taken over
    parked,   ///< no call has come for long: the parking lot waits for the next
    stopping, ///< the host stops
};

/// Serves a seat's channel on the calling thread, one call after another.
leaving serve_lane(const std::shared_ptr<host_state> &state, seat &at);

} // namespace deputyd
