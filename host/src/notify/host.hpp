// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

#include <deputy/plugin.hpp>

#include "caller/container.hpp"
#include "plugin/handler_table.hpp"

namespace deputyd
{

/// The services that plugins can ask for: deputy.caller/1 and deputy.effect/1. Static storage.
std::span<const extension> plugin_extensions();

/// Serves listeners: a lane each, one watchdog for all.
class host
{
public:
    struct settings {
        std::chrono::milliseconds deadline{5000}; ///< after which the watchdog answers for a handler
        bool deadlines = true;                    ///< false: never (debuggers)
        std::chrono::milliseconds slow{5};        ///< after which a follower takes over a lane
        std::size_t hung_limit = 64;              ///< calls of a container whose threads have not come back
    };

    explicit host(settings s);
    /// Stops as stop() does.
    ~host();
    host(const host &) = delete;
    host &operator=(const host &) = delete;

    /// Starts to answer a listener's calls. Any thread.
    /// @param handlers outlives the host.
    void serve(std::shared_ptr<const container> c, const handler_table &handlers, deputy::unique_fd listener);

    /// Waits until the listeners of the container have no more filter users (its tasks have exited) and
    /// no handler of it runs, at most for the time. @return whether that is so.
    bool wait_gone(std::uint64_t container, std::chrono::milliseconds at_most);

    /// Ends every lane: calls in flight are answered first, at most until the deadline. A thread that
    /// hangs in the kernel is left behind. A signal interrupts the threads that wait for calls; a handler
    /// that has just begun may see EINTR. A second call does nothing.
    void stop();

    /// How many threads stop() left behind. While there are any, they may come back into their plugins,
    /// which must then not be destroyed before the process ends.
    std::size_t left_behind() const;

private:
    struct state;
    std::shared_ptr<state> state_; ///< shared with threads that hang
};

} // namespace deputyd
