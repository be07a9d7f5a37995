// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace deputyd
{

/// What became of the calls that a host had in flight when it died.
struct dead_calls {
    std::size_t answered = 0;
    std::size_t elsewhere = 0; ///< they came through no listener of ours, or their callers are gone
};

/// Answers the calls that a host had in flight when it died, each with EPERM: their handlers may have begun
/// an effect, and nobody knows any more.
/// @param journal descriptor of its journal. @param listeners seccomp notify descriptors that it served.
///        Which of them a call came through need not be known: the kernel's ids start at a random number
///        for each, and a wrong listener has no such call.
dead_calls answer_calls_of_dead(int journal, std::span<const int> listeners);

} // namespace deputyd
