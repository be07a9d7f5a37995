// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// The main thread's loop: descriptors, timers and work from other threads. Only post() and stop() are for
/// any thread; everything else is for the thread that runs it.
class event_loop
{
public:
    using callback = std::function<void(std::uint32_t events)>; ///< EPOLL* bits

    /// @throw std::system_error.
    event_loop();
    event_loop(const event_loop &) = delete;
    event_loop &operator=(const event_loop &) = delete;

    /// Calls back while fd has one of the events (EPOLLIN, EPOLLOUT; errors always count). fd is borrowed and
    /// is removed before it is closed.
    void add(int fd, std::uint32_t events, callback call);
    /// Its callback is not called any more, not even in this round.
    void remove(int fd);

    using timer = std::uint64_t;
    /// Calls once after the delay.
    timer after(std::chrono::milliseconds delay, std::function<void()> call);
    void cancel(timer which);

    /// Runs call on the loop's thread, soon. Any thread.
    void post(std::function<void()> call);

    /// Runs until stop(); may be called again after that.
    void run();
    /// Handles what waits already, and what comes of that, but waits for nothing.
    void run_pending();
    void stop(); ///< any thread

private:
    struct watch {
        callback call;
        bool removed = false;
    };
    using clock = std::chrono::steady_clock;

    /// @return whether anything happened.
    bool round(int timeout);
    int until_next_timer() const;
    void run_timers();
    void run_posted();

    deputy::unique_fd epoll_;
    deputy::unique_fd wake_; ///< eventfd
    std::map<int, std::shared_ptr<watch>> watches_;
    std::map<std::pair<clock::time_point, timer>, std::function<void()>> timers_;
    timer next_timer_ = 1;
    std::mutex mutex_; ///< for what follows
    std::vector<std::function<void()>> posted_;
    bool stopped_ = false;
};

} // namespace deputyd
