// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "observe/call_report.hpp"

namespace deputyd
{

/// Which calls a reader wants; what is empty does not matter.
struct trace_filter {
    std::string container;
    std::string syscall; ///< NAME or PLUGIN.NAME
    bool failed = false; ///< those alone that did not do what the caller asked for

    [[nodiscard]] bool fits(const call_report &r) const;
};

/// What one reader has not read yet. A reader that is slow misses calls, and hears how many.
class trace_reader
{
public:
    static constexpr std::size_t most = 4096; ///< calls that wait for it

    explicit trace_reader(trace_filter f) : filter_(std::move(f)) {}

    struct taken {
        std::deque<call_report> calls;
        std::uint64_t dropped = 0; ///< since the last time, before these calls or among them
    };
    /// What has come, at once or until the time is over.
    taken take(std::chrono::milliseconds at_most);
    /// Any thread; does not wait for the reader. @return false if it misses the call.
    bool offer(const call_report &r) noexcept;

private:
    const trace_filter filter_;
    std::mutex mutex_; ///< for what follows; held for moments, never while a client is written to
    std::condition_variable some_;
    std::uint64_t dropped_ = 0;
    std::deque<call_report> calls_;
};

/// Hands calls to those who trace. Any thread.
class trace_hub
{
public:
    /// Reads until the last copy is gone.
    std::shared_ptr<trace_reader> open(trace_filter f);
    /// Whether anybody reads: one load where nobody does.
    [[nodiscard]] bool wanted() const noexcept { return readers_.load(std::memory_order_relaxed) != 0; }
    void offer(const call_report &r) noexcept;
    /// Calls that readers missed, since the beginning.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> readers_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::mutex mutex_; ///< for the list
    std::list<std::weak_ptr<trace_reader>> all_;
};

} // namespace deputyd
