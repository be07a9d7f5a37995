// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "notify/host_state.hpp"
#include "notify/reply.hpp"

namespace deputyd
{

/// Watches the threads that serve calls: one that is slow gets a follower, one whose deadline passes is
/// answered for. Runs on a thread of its own until host_state::done is set. It times calls by its own
/// ticks, so that a call itself reads no clock.
void watch(const std::shared_ptr<host_state> &state);

/// What the caller gets if the handler that runs is late. Any thread.
decision late_answer(const seat &s) noexcept;

/// Answers for a handler that still runs, as its policy says, if it does. @return whether it did.
bool answer_for(seat &s, turn::word call) noexcept;

} // namespace deputyd
