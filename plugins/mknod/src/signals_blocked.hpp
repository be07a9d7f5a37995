// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace mknod_plugin
{

/// Blocks all signals in the calling thread, and in what it starts: threads and processes of a plugin's own
/// take none of the host's.
class signals_blocked
{
public:
    signals_blocked()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    signals_blocked(const signals_blocked &) = delete;
    signals_blocked &operator=(const signals_blocked &) = delete;

private:
    sigset_t before_{};
};

} // namespace mknod_plugin
