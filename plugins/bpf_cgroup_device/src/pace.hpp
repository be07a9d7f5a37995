// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

namespace bpf_cgroup_device
{

/// Spreads events out: burst of them at once, then so many a second. One that comes early is told how
/// long to wait, which counts as taken. Not thread-safe.
class token_bucket
{
public:
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;

    token_bucket(double burst, double per_second) : burst_(burst), per_second_(per_second), tokens_(burst) {}

    /// How long an event at that time has to wait.
    seconds delay(clock::time_point now)
    {
        if (last_ != clock::time_point{}) {
            tokens_ = std::min(burst_, tokens_ + seconds(now - last_).count() * per_second_);
        }
        last_ = now;
        return seconds(tokens_ >= 1 ? 0 : (1 - tokens_) / per_second_);
    }
    void take() { tokens_ -= 1; }

private:
    double burst_;
    double per_second_;
    double tokens_;
    clock::time_point last_{};
};

/// Paces program loads. A flood of them can starve a kernel of memory for program text and of RCU grace
/// periods until it locks up, and a container must not be able to cause that: 128 at once, then 500 a
/// second for each container, and 512, then 1,000 a second over all. Runtimes load a handful. Any thread.
class pacer
{
public:
    static constexpr std::chrono::milliseconds patience{1000};

    static token_bucket for_container() { return {128, 500}; }
    static token_bucket for_all() { return {512, 1000}; }

    explicit pacer(const token_bucket &all = for_all()) : all_(all) {}

    /// @param own the container's bucket, guarded by this.
    /// @return how long to wait before the load; nothing if that is more than patience.
    std::optional<std::chrono::duration<double>> reserve(token_bucket &own,
                                                         token_bucket::clock::time_point now)
    {
        const std::lock_guard hold(mutex_);
        const auto wait = std::max(own.delay(now), all_.delay(now));
        if (wait > patience) {
            return {};
        }
        own.take();
        all_.take();
        return wait;
    }

private:
    std::mutex mutex_;
    token_bucket all_;
};

} // namespace bpf_cgroup_device
