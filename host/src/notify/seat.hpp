// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <sys/types.h>
#include <thread>

#include "base/line_budget.hpp"
#include "caller/container.hpp"
#include "caller/turn.hpp"
#include "notify/channel.hpp"
#include "notify/journal.hpp"
#include "notify/limits.hpp"
#include "notify/live_handlers.hpp"
#include "observe/call_statistics.hpp"
#include "plugin/handler_table.hpp"

namespace deputyd
{

/// What all listeners of a container share. Any thread.
struct container_load {
    container_load(std::shared_ptr<const container> c, std::shared_ptr<const handler_table> first)
        : of(std::move(c)), handlers(std::move(first))
    {
    }

    const std::shared_ptr<const container> of;
    live_handlers handlers;                 ///< not to be used once the host has stopped
    std::atomic<std::int64_t> in_flight{0}; ///< calls that are not answered
    rate_gate rate;
    std::atomic<std::int64_t> away{0}; ///< threads that were replaced and are not back
    std::atomic<bool> refusing{false}; ///< away has reached the limit, and the log says so
    line_budget log_lines;             ///< of the container: it can provoke them itself
    line_budget denial_lines;          ///< of what its profile denies, which programs make unawares
    std::size_t lanes = 0;             ///< under the host's mutex
    /// Calls that wait for long on purpose: deferred ones, and those whose handler blocks.
    std::atomic<std::int64_t> waiting{0};
    call_statistics statistics;
    std::atomic<std::uint64_t> unlogged_refusals{0}; ///< of the audit log

    bool log_allowed() noexcept { return log_lines.take(); }
};

/// One channel that is served.
struct lane {
    lane(std::shared_ptr<const container> c, std::unique_ptr<channel> from, std::function<void()> at_end,
         std::shared_ptr<container_load> l)
        : of(std::move(c)), notify(std::move(from)), load(std::move(l)), ended(std::move(at_end))
    {
    }

    const std::shared_ptr<const container> of;
    const std::unique_ptr<channel> notify;
    const std::shared_ptr<container_load> load;

    // Under the host's mutex.
    std::function<void()> ended; ///< taken by whoever calls it
    std::size_t threads = 0;     ///< that serve it, the replaced ones too
    std::size_t deferred = 0;    ///< its calls that have outlived their handlers
    bool parked = false;         ///< the parking lot waits for its next call
    bool over = false;           ///< no more calls come
};

/// A thread that serves a lane: its receiver, or one that was replaced and finishes its call.
struct seat {
    seat(std::shared_ptr<lane> l, journal_slot *s) : serves(std::move(l)), slot(s) {}

    std::shared_ptr<lane> serves;
    journal_slot *const slot;
    turn calls;
    // Of the current call, for the watchdog: written before turn::begin().
    std::atomic<std::uint64_t> id{0};
    std::atomic<std::int32_t> nr{0};
    std::atomic<std::uint32_t> caller{0}; ///< thread id
    std::atomic<int> listener{-1};        ///< for ID_VALID
    std::atomic<const ruled_handler *> running{nullptr};
    std::atomic<int> off_error{0};      ///< of the call and that handler: see own_answer.hpp
    std::atomic<bool> in_flight{false}; ///< the call is counted in container_load::in_flight

    /// Its handler blocks on purpose: no deadline, and the stop signal interrupts it once wait_over is set.
    std::atomic<bool> blocking{false};
    std::atomic<std::int32_t> wait_over{0}; ///< negative errno: why a handler that blocks should come back

    /// Somebody may send the thread the stop signal, which shall interrupt no handler. Set before the last
    /// look at whether it waits, cleared when no more signals come.
    std::atomic<bool> called_off{false};

    // The watchdog's own notes.
    std::uint64_t seen = 0; ///< number of the call that it saw last
    std::chrono::steady_clock::time_point seen_at = std::chrono::steady_clock::now();

    // Under the host's mutex.
    std::thread thread;
    pid_t tid = 0;          ///< 0 until the thread runs
    bool cancelled = false; ///< it is not needed after all
    bool left = false;      ///< the thread ends: its tid must not be used any more
};

/// Counts the seat's call as long as it is not answered, or until a ticket has it.
inline void begin_in_flight(seat &s) noexcept
{
    s.serves->load->in_flight.fetch_add(1, std::memory_order_relaxed);
    s.in_flight.store(true);
}
/// Once a call; any thread.
inline void end_in_flight(seat &s) noexcept
{
    if (s.in_flight.exchange(false)) {
        s.serves->load->in_flight.fetch_sub(1, std::memory_order_relaxed);
    }
}

} // namespace deputyd
