// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <deputy/plugin.hpp>

#include "notify/seat.hpp"

namespace deputyd
{

struct host_state;

/// Lanes without a thread: no call has come for long, or none yet. One thread waits for all of them.
/// Everything but wait() and wake() takes the host's mutex to be held.
class parking_lot
{
public:
    struct woken {
        std::uint64_t key;
        bool hung_up; ///< no more calls come, and none waits
    };

    /// @throw std::runtime_error if there are no descriptors left.
    parking_lot();
    parking_lot(const parking_lot &) = delete;
    parking_lot &operator=(const parking_lot &) = delete;

    /// Takes a lane. A call that waits already is found at once.
    /// @return false if its channel cannot be waited for: it needs a thread.
    bool add(const std::shared_ptr<lane> &l) noexcept;
    /// The lane of a woken one, which stays; nullptr if it has been taken meanwhile.
    [[nodiscard]] std::shared_ptr<lane> find(std::uint64_t key) const;
    void take(std::uint64_t key);
    std::vector<std::shared_ptr<lane>> take_all();
    [[nodiscard]] std::vector<std::shared_ptr<lane>> all() const;

    /// Waits until a lane has a call or has ended, or wake() is called. One thread.
    std::span<const woken> wait();
    void wake() noexcept;

private:
    deputy::unique_fd epoll_;
    deputy::unique_fd wake_; ///< eventfd, key 0
    std::map<std::uint64_t, std::shared_ptr<lane>> lanes_;
    std::uint64_t next_ = 1;
    std::vector<woken> woken_;
};

/// Starts a thread for each parked lane that has a call, and ends those that have ended. Runs on a thread of
/// its own until the host stops.
void watch_parked(const std::shared_ptr<host_state> &state);

} // namespace deputyd
