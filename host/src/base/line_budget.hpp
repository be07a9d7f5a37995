// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <ctime>

namespace deputyd
{

/// How many lines of a kind may be written: ten a second. Any thread.
class line_budget
{
public:
    /// Whether one more may be written, which counts.
    bool take() noexcept
    {
        const std::time_t now = second();
        if (second_.exchange(now) != now) {
            lines_ = 0;
        }
        return lines_.fetch_add(1) < most;
    }
    /// Whether take() would say no now.
    [[nodiscard]] bool is_spent() const noexcept
    {
        return second_.load() == second() && lines_.load() >= most;
    }

private:
    static constexpr int most = 10;
    static std::time_t second() noexcept
    {
        std::timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return now.tv_sec;
    }

    std::atomic<std::time_t> second_{-1};
    std::atomic<int> lines_{0};
};

} // namespace deputyd
