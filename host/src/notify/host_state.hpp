// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "notify/host.hpp"
#include "notify/journal.hpp"
#include "notify/parking.hpp"
#include "notify/process_watch.hpp"
#include "notify/seat.hpp"
#include "observe/trace.hpp"

namespace deputyd
{

/// Everything of a host that its threads share, those too that hang and outlive it.
struct host_state {
    explicit host_state(host::settings s) : settings(s), calls(s.generation), audit(s.audit) {}

    const host::settings settings;
    journal calls;
    std::atomic<bool> stopping{false};

    std::mutex mutex;
    std::condition_variable changed; ///< a thread has ended
    std::vector<std::shared_ptr<seat>> seats;
    parking_lot parked;
    std::map<std::uint64_t, std::shared_ptr<container_load>> containers;
    call_statistics::by_handler of_gone; ///< of containers that are gone
    std::vector<std::thread> ended;      ///< to be joined
    std::size_t left_behind = 0;         ///< threads that stop() did not wait for

    std::atomic<audit_form> audit;
    trace_hub trace;
    std::atomic<std::uint64_t> audit_unlogged{0}; ///< refusals that the limit left out of the audit log
    process_watch processes;
    std::atomic<std::size_t> deferred{0}; ///< calls that have outlived their handlers

    std::thread watchdog;
    std::thread parking_guard;
    std::atomic<bool> done{false}; ///< ends the watchdog

    /// The watchdog sleeps until noticed(): nothing has happened for a while.
    std::atomic<bool> asleep{false};
    std::mutex sleeping;
    std::condition_variable wake;

    /// A call has begun, or there is something else for the watchdog. Costs one load while it is awake.
    void noticed() noexcept
    {
        if (asleep.load() && asleep.exchange(false)) {
            const std::lock_guard lock(sleeping);
            wake.notify_one();
        }
    }
};

/// Starts a thread that serves a lane. Takes the mutex to be held.
/// @throw std::runtime_error if there is no room for a thread.
void start_seat(const std::shared_ptr<host_state> &state, std::shared_ptr<lane> l);

/// After a lane has lost a thread or its place in the parking lot: if nothing serves it any more, takes it
/// off its container. Takes the mutex to be held.
/// @return what is to be called once the mutex is released, if the lane has ended.
[[nodiscard]] std::function<void()> settle(host_state &state, lane &l);

/// Starts a thread that takes over receiving from one that is slow with a call. Takes the mutex itself.
/// @param hangs the slow thread counts among those that hang; not one that blocks on purpose.
/// @return false if that call is over, or the host stops: then nothing has changed.
/// @throw std::runtime_error if there is no room for a thread.
bool start_follower(const std::shared_ptr<host_state> &state, seat &slow, turn::word call, bool hangs);

/// Interrupts a thread if it waits for a call, and no handler. It may get there a moment later and miss it.
/// Takes the mutex to be held; from the watchdog, or anybody once the host stops.
void interrupt_waiting(seat &s) noexcept;

/// Interrupts a thread whose handler blocks, and no other. Takes the mutex to be held.
/// @param why for the handler that asks; the first counts.
void interrupt_blocking(seat &s, std::int32_t why) noexcept;

/// Joins the threads that have ended. Any thread but those.
void join_ended(host_state &state);

} // namespace deputyd
