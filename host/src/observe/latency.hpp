// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace deputyd
{

/// Counted durations, by classes: two an octave, from about a microsecond to about 17 seconds.
struct latencies {
    static constexpr std::size_t classes = 50;

    std::array<std::uint64_t, classes> counts{};
    std::uint64_t total_ns = 0;

    /// Above every duration of the class; the last one has none: it holds what is longer too.
    static std::chrono::nanoseconds end_of(std::size_t which) noexcept;
    static std::size_t class_of(std::chrono::nanoseconds duration) noexcept;

    [[nodiscard]] std::uint64_t count() const noexcept;
    /// The end of the class in which the quantile, 0 to 1, lies: at most half too long. 0 if nothing is
    /// counted.
    [[nodiscard]] std::chrono::nanoseconds quantile(double which) const noexcept;
    latencies &operator+=(const latencies &more) noexcept;
};

/// The same while it is counted. Any thread.
class latency_counter
{
public:
    void add(std::chrono::nanoseconds duration) noexcept
    {
        counts_[latencies::class_of(duration)].fetch_add(1, std::memory_order_relaxed);
        total_ns_.fetch_add(static_cast<std::uint64_t>(duration.count()), std::memory_order_relaxed);
    }
    [[nodiscard]] latencies read() const noexcept;

private:
    std::array<std::atomic<std::uint64_t>, latencies::classes> counts_{};
    std::atomic<std::uint64_t> total_ns_{0};
};

} // namespace deputyd
