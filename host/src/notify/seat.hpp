// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <sys/types.h>
#include <thread>

#include "caller/container.hpp"
#include "caller/turn.hpp"
#include "notify/journal.hpp"
#include "notify/listener.hpp"
#include "plugin/handler_table.hpp"

namespace deputyd
{

/// What all listeners of a container share. Any thread.
struct container_load {
    std::atomic<std::int64_t> away{0};        ///< threads that were replaced and are not back
    std::atomic<bool> refusing{false};        ///< away has reached the limit, and the log says so
    std::atomic<std::int64_t> log_second{-1}; ///< for log_allowed()
    std::atomic<int> log_lines{0};
    std::size_t threads = 0; ///< under the host's mutex

    /// Whether one more line about this container may be written: ten a second, since the container
    /// itself can provoke them.
    bool log_allowed() noexcept;
};

/// One listener that is served.
struct lane {
    lane(std::shared_ptr<const container> c, const handler_table &h, deputy::unique_fd fd,
         std::shared_ptr<container_load> l)
        : of(std::move(c)), handlers(h), notify(std::move(fd)), load(std::move(l))
    {
    }

    const std::shared_ptr<const container> of;
    const handler_table &handlers; ///< not to be used once the host has stopped
    const listener notify;
    const std::shared_ptr<container_load> load;
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
    std::atomic<const handler *> running{nullptr};

    bool was_replaced = false; ///< the owner's

    // The watchdog's own notes.
    std::uint64_t seen = 0; ///< number of the call that it saw last
    std::chrono::steady_clock::time_point seen_at;

    // Under the host's mutex.
    std::thread thread;
    pid_t tid = 0;          ///< 0 until the thread runs
    bool cancelled = false; ///< it is not needed after all
};

} // namespace deputyd
