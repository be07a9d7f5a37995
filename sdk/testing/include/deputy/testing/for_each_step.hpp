// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FOR_EACH_STEP_HPP
#define DEPUTY_TESTING_FOR_EACH_STEP_HPP

/// @file
/// Calls that fail at each of their steps in turn.

#include <cerrno>
#include <functional>
#include <string>

#include "fake_plugin.hpp"

namespace deputy::testing
{

/// Makes a call again and again: its first service fails with error, then its second, and so on, until a
/// call comes through with none failing. What happens to the caller then is what the host would do: with
/// -ESRCH (the caller has gone) or -ECANCELED (the watchdog has answered) the answer is lost, at the end
/// also for the call that came through, and what it committed is undone.
/// @param error a negative errno.
/// @param call makes one call, in a state that is as before the first.
/// @param look is given the service that failed ("" in the last call) and what became of the call.
/// @return how many steps failed.
inline unsigned for_each_step(fake_host &host, fake_plugin &plugin, std::int32_t error,
                              const std::function<outcome()> &call,
                              const std::function<void(const std::string &service, outcome &got)> &look)
{
    const bool lost = error == -ESRCH || error == -ECANCELED;
    for (unsigned n = 1;; ++n) {
        host.fails.fail_step(n, error);
        outcome got = call();
        const std::string failed = host.fails.fired();
        host.fails.clear();
        if (lost) {
            plugin.lose(got);
        }
        look(failed, got);
        if (failed.empty()) {
            return n - 1;
        }
    }
}

} // namespace deputy::testing

#endif
