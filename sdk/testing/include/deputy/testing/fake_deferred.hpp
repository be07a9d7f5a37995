// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_DEFERRED_HPP
#define DEPUTY_TESTING_FAKE_DEFERRED_HPP

/// @file
/// Calls of the fake host that are answered later, and handlers that block.

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <deputy/plugin.hpp>

namespace deputy::testing
{

class fake_plugin;
namespace detail
{
struct effect_services;
} // namespace detail

/// What a caller gets.
struct reply {
    deputy_verdict verdict = 0; ///< or a negative errno
    int error = 0;
    std::int64_t value = 0;
    unique_fd fd; ///< of DEPUTY_REPLY_FD
    std::uint32_t fd_flags = 0;
    std::int32_t number = -1; ///< the descriptor's number in the caller; -1: lowest free
};

namespace detail
{
/// Takes the answer's descriptor.
inline reply take(deputy_verdict verdict, const deputy_answer &a)
{
    return {verdict, a.error, a.value, unique_fd{a.fd}, a.fd_flags, a.number};
}
} // namespace detail

/// Deferred calls by ticket. Any thread.
class fake_deferred
{
public:
    static constexpr unsigned most = 64; ///< deferred calls and blocked handlers of a container together

    /// @return how the call was completed, or nothing if it is not within the time.
    std::optional<reply> wait(std::uint64_t ticket, std::chrono::milliseconds time = std::chrono::seconds(10))
    {
        std::unique_lock hold(mutex_);
        const auto done = [&] { return answers_.count(ticket) != 0; };
        if (!completed_.wait_for(hold, time, done)) {
            return std::nullopt;
        }
        auto taken = answers_.extract(ticket);
        return std::move(taken.mapped());
    }
    /// The caller goes. Until the plugin is told, by fake_plugin::tell_gone(), completing says -ESRCH.
    void lose(std::uint64_t ticket) { change(ticket, state::lost); }
    /// How many calls wait for their answer.
    [[nodiscard]] std::size_t waiting() const
    {
        const std::lock_guard hold(mutex_);
        return tickets_.size();
    }

private:
    friend struct detail::effect_services;
    friend class fake_plugin;

    /// Counts a blocked handler. @return false at the limit.
    bool enter(std::uint64_t container)
    {
        const std::lock_guard hold(mutex_);
        return used_[container] < most && ++used_[container] != 0;
    }
    void leave(std::uint64_t container)
    {
        const std::lock_guard hold(mutex_);
        --used_[container];
    }
    /// @return the ticket, or 0 at the limit.
    std::uint64_t add(std::uint64_t container)
    {
        if (!enter(container)) {
            return 0;
        }
        const std::lock_guard hold(mutex_);
        tickets_[++last_] = {container, state::waiting};
        return last_;
    }
    /// @return whether the call still waited: then its plugin is told.
    bool remove(std::uint64_t ticket)
    {
        const std::lock_guard hold(mutex_);
        const auto found = tickets_.extract(ticket);
        if (found.empty()) {
            return false;
        }
        --used_[found.mapped().container];
        return true;
    }
    std::int32_t complete(std::uint64_t ticket, deputy_verdict verdict, const deputy_answer &a)
    {
        reply given = detail::take(verdict, a);
        const std::lock_guard hold(mutex_);
        const auto found = tickets_.extract(ticket);
        if (found.empty()) {
            return -ENOENT;
        }
        --used_[found.mapped().container];
        if (found.mapped().now == state::lost) {
            return -ESRCH;
        }
        const bool known = verdict < 0 || verdict == DEPUTY_REPLY || verdict == DEPUTY_CONTINUE ||
                           (verdict == DEPUTY_REPLY_FD && given.fd);
        if (!known) {
            given = reply{DEPUTY_REPLY, EPERM, 0, {}, 0, -1};
        }
        answers_.insert_or_assign(ticket, std::move(given));
        completed_.notify_all();
        return known ? 0 : -EINVAL;
    }

    enum class state { waiting, lost };
    struct entry {
        std::uint64_t container;
        state now;
    };
    void change(std::uint64_t ticket, state to)
    {
        const std::lock_guard hold(mutex_);
        tickets_.at(ticket).now = to;
    }

    mutable std::mutex mutex_;
    std::condition_variable completed_;
    std::map<std::uint64_t, entry> tickets_;
    std::map<std::uint64_t, reply> answers_;
    std::map<std::uint64_t, unsigned> used_; ///< by container
    std::uint64_t last_ = 0;
};

} // namespace deputy::testing

#endif
