// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_CALL_HPP
#define DEPUTY_TESTING_FAKE_CALL_HPP

/// @file
/// A call of the fake host, as its tables see it; a part of deputy/testing/fake_host.hpp.

#ifndef DEPUTY_TESTING_FAKE_HOST_HPP
#error "include deputy/testing/fake_host.hpp"
#endif

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace deputy::testing
{
namespace detail
{

/// One call: what the tables get for their opaque deputy_call.
struct fake_call {
    fake_host *host;
    std::uint64_t container;
    bool may_commit;
    bool may_watch;
    std::chrono::milliseconds began;
    std::vector<std::byte> token{}; ///< as last committed
    bool committed = false;
    unique_fd kept{};
    bool undoing = false; ///< the caller has gone, and undo runs
    bool blocked = false;
    std::uint64_t ticket = 0;
    std::string object{}; ///< as described
    std::string reason{};

    [[nodiscard]] deputy_call *raw() { return reinterpret_cast<deputy_call *>(this); }
    static fake_call &of(deputy_call *raw) { return *reinterpret_cast<fake_call *>(raw); }

    /// What every service does first. @return 0 or the negative errno to fail with.
    std::int32_t step(std::string_view service) const
    {
        fake_host &h = *host;
        if (h.on_step) {
            h.on_step(service);
        }
        if (const std::int32_t planned = h.fails.next(service); planned != 0) {
            return planned;
        }
        if (h.failing != 0) {
            return h.failing;
        }
        return !blocked && h.clock.now() - began > h.deadline ? -ECANCELED : 0;
    }
};

} // namespace detail
} // namespace deputy::testing

#endif
