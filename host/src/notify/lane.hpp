// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/seat.hpp"

namespace deputyd
{

struct host_state;

/// Serves a seat's listener on the calling thread: one call after another, until the filter has no more
/// users, the host stops or another thread has taken over.
void serve_lane(host_state &state, seat &at);

} // namespace deputyd
