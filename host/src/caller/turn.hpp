// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace deputyd
{

/// Who may still act on a call. The thread that handles it and the watchdog race for it.
enum class call_state : std::uint32_t {
    receiving, ///< no call: the thread waits for the next one
    handling,  ///< the handler may act and answer
    answered,  ///< the watchdog has answered: the handler must not act any more
    replying,  ///< the thread answers: the watchdog must not any more
};

/// The calls of one thread, one after another. One word holds the number of the call, its state, and
/// whether another thread has taken over receiving, so that each decision between the thread (the
/// owner) and the watchdog falls by one compare-and-swap, and never on the wrong call.
class turn
{
public:
    using word = std::uint64_t;

    static constexpr call_state state_of(word w) noexcept { return static_cast<call_state>(w & state_mask); }
    static constexpr bool is_replaced(word w) noexcept { return (w & replaced_bit) != 0; }
    /// Number of the call; 0 before the first.
    static constexpr std::uint64_t number_of(word w) noexcept { return w / step; }

    [[nodiscard]] word load() const noexcept { return word_.load(); }
    [[nodiscard]] bool answered() const noexcept
    {
        return state_of(word_.load(std::memory_order_acquire)) == call_state::answered;
    }

    /// Owner: the next call begins. Sequentially consistent, for the watchdog that is about to park.
    void begin() noexcept
    {
        const word now = word_.load(std::memory_order_relaxed);
        word_.store((number_of(now) + 1) * step | static_cast<word>(call_state::handling));
    }
    /// Owner: takes the right to answer. @return false if the watchdog has answered.
    bool take_reply() noexcept
    {
        word w = word_.load(std::memory_order_relaxed);
        do {
            if (state_of(w) == call_state::answered) {
                return false;
            }
        } while (!word_.compare_exchange_weak(w, with_state(w, call_state::replying)));
        return true;
    }
    /// Owner: the call is over. @return false if another thread receives now.
    bool end() noexcept
    {
        word w = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(w, with_state(w, call_state::receiving))) {
        }
        return !is_replaced(w);
    }

    /// Watchdog: takes the right to answer the call seen in w. @return false if it came too late.
    bool answer_for(word w) noexcept
    {
        return state_of(w) == call_state::handling &&
               word_.compare_exchange_strong(w, with_state(w, call_state::answered));
    }
    /// Makes the owner leave after the call seen in w. @return false if that is over, or the owner leaves
    /// already.
    bool replace(word w) noexcept
    {
        const std::uint64_t number = number_of(w);
        do {
            if (number_of(w) != number || state_of(w) == call_state::receiving || is_replaced(w)) {
                return false;
            }
        } while (!word_.compare_exchange_weak(w, w | replaced_bit));
        return true;
    }

private:
    static constexpr word state_mask = 3;
    static constexpr word replaced_bit = 4;
    static constexpr word step = 8;

    static constexpr word with_state(word w, call_state s) noexcept
    {
        return (w & ~state_mask) | static_cast<word>(s);
    }

    std::atomic<word> word_{0};
};

} // namespace deputyd
