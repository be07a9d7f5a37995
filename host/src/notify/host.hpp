// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <deputy/plugin.hpp>

#include "caller/container.hpp"
#include "notify/channel.hpp"
#include "observe/audit.hpp"
#include "observe/call_statistics.hpp"
#include "observe/trace.hpp"
#include "plugin/handler_table.hpp"

namespace deputyd
{

/// The services that plugins can ask for: deputy.caller/1 and deputy.effect/1. Static storage.
std::span<const extension> plugin_extensions();

/// A container that is served, in numbers.
struct container_numbers {
    std::shared_ptr<const container> of;
    std::size_t listeners = 0;
    std::size_t in_flight = 0; ///< calls whose handlers run
    std::size_t waiting = 0;   ///< calls that are deferred, or whose handlers block
    call_statistics::by_handler calls;
};

/// A host in numbers.
struct host_numbers {
    std::vector<container_numbers> containers;
    call_statistics::by_handler of_gone; ///< of containers that are gone
    std::size_t threads = 0;             ///< that serve calls
    std::size_t queued = 0;              ///< listeners with a call that nobody has received yet
    std::uint64_t trace_dropped = 0;     ///< calls that a trace missed, by each that did
    std::uint64_t audit_unlogged = 0;    ///< refusals that the audit log's limit left out
    std::uint64_t generation = 1;        ///< of the host: one more than the one before it
};

/// Serves channels: a lane each, with a thread of its own while calls come, one watchdog for all.
class host
{
public:
    struct settings {
        std::chrono::milliseconds deadline{5000}; ///< after which the watchdog answers for a handler
        bool deadlines = true;                    ///< false: never (debuggers)
        std::chrono::milliseconds slow{5};        ///< after which a follower takes over a lane
        std::chrono::milliseconds idle{1000};     ///< without a call, after which a lane gives up its thread
        std::uint64_t generation = 1;             ///< of the journal, not 0
        std::size_t hung_limit = 64;              ///< calls of a container whose threads have not come back
        audit_form audit = audit_form::off;       ///< log lines of privileged effects and refusals
    };

    explicit host(settings s);
    /// Stops as stop() does.
    ~host();
    host(const host &) = delete;
    host &operator=(const host &) = delete;

    /// Starts to answer a channel's calls. Any thread.
    /// @param handlers of the container, if this is its first channel.
    /// @param ended called once, when the channel has ended (hung up or broken) and no thread serves it any
    ///        more, one that hangs included: on a thread of the host, outside of its mutex. It is short, does
    ///        not throw and does not stop the host. stop() does not end a channel, and nothing is called
    ///        once stop() has returned.
    /// @throw std::runtime_error if the host stops or there is no room for a thread; the channel is closed
    ///        then and ended not called.
    void serve(std::shared_ptr<const container> c, std::shared_ptr<const handler_table> handlers,
               std::unique_ptr<channel> from, std::function<void()> ended);
    /// The same for a seccomp notify descriptor.
    /// @param handlers outlives the host.
    void serve(std::shared_ptr<const container> c, const handler_table &handlers, deputy::unique_fd listener);

    /// Exchanges a container's handlers for calls that come from now on; nothing if it is not served. Any
    /// thread. @throw std::bad_alloc.
    void use(std::uint64_t container, std::shared_ptr<const handler_table> handlers);

    /// The memfd with the calls in flight, for a successor.
    [[nodiscard]] int journal_fd() const noexcept;

    /// Waits until the channels of the container have ended (its tasks have exited) and no handler of it
    /// runs, at most for the time. @return whether that is so.
    bool wait_gone(std::uint64_t container, std::chrono::milliseconds at_most);

    /// What has been counted since the host began. Any thread.
    [[nodiscard]] host_numbers numbers() const;

    /// The audit log of calls that end from now on. Any thread.
    void set_audit(audit_form form) noexcept;

    /// Hands over calls as they end, to those who look. Any thread; lives as long as the host's threads.
    std::shared_ptr<trace_reader> trace(trace_filter f);

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
