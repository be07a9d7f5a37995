// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAULTS_HPP
#define DEPUTY_TESTING_FAULTS_HPP

/// @file
/// Services of the fake host that fail on purpose.

#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace deputy::testing
{

namespace detail
{
struct fake_call;
} // namespace detail

/// Which calls of services fail. A service's name is that of its table and function, as "caller.read",
/// "path.parent", "effect.commit". Each call of any service is one step. Any thread.
class faults
{
public:
    /// The nth call of a service from now on (1: the next) returns error, a negative errno.
    void fail(const std::string &service, std::int32_t error, unsigned nth = 1)
    {
        const std::lock_guard hold(mutex_);
        by_service_[service] = {nth, error};
    }
    /// Step n (1: the next) returns error. -ESRCH (the caller has gone) and -ECANCELED (the call has been
    /// answered for the handler) hold for all steps after it too.
    void fail_step(unsigned n, std::int32_t error)
    {
        const std::lock_guard hold(mutex_);
        any_ = {n, error};
        steps_ = 0;
        fired_.clear();
    }
    /// Nothing fails any more.
    void clear()
    {
        const std::lock_guard hold(mutex_);
        by_service_.clear();
        any_ = {};
        steps_ = 0;
        fired_.clear();
    }
    /// Steps since the last fail_step() or clear().
    [[nodiscard]] unsigned steps() const
    {
        const std::lock_guard hold(mutex_);
        return steps_;
    }
    /// The service that fail_step() made fail first, or "" if it has not come to that.
    [[nodiscard]] std::string fired() const
    {
        const std::lock_guard hold(mutex_);
        return fired_;
    }

private:
    friend struct detail::fake_call;

    /// Counts a step. @return 0 or the negative errno to fail with.
    std::int32_t next(std::string_view service)
    {
        const std::lock_guard hold(mutex_);
        ++steps_;
        if (any_.nth != 0 && (steps_ == any_.nth || (steps_ > any_.nth && lasts(any_.error)))) {
            fired_ = fired_.empty() ? std::string(service) : fired_;
            return any_.error;
        }
        const auto planned = by_service_.find(std::string(service));
        if (planned == by_service_.end() || planned->second.nth == 0 || --planned->second.nth != 0) {
            return 0;
        }
        return planned->second.error;
    }

    struct plan {
        unsigned nth = 0; ///< 0: none
        std::int32_t error = 0;
    };
    static bool lasts(std::int32_t error) { return error == -ESRCH || error == -ECANCELED; }

    mutable std::mutex mutex_;
    std::map<std::string, plan> by_service_;
    plan any_;
    unsigned steps_ = 0;
    std::string fired_;
};

} // namespace deputy::testing

#endif
