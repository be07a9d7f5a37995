// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_EFFECTS_HPP
#define DEPUTY_TESTING_FAKE_EFFECTS_HPP

/// @file
/// deputy.effect/1, deputy.defer/1, deputy.describe/1 and deputy.process/1 of the fake host; a part of
/// deputy/testing/fake_host.hpp.

#ifndef DEPUTY_TESTING_FAKE_HOST_HPP
#error "include deputy/testing/fake_host.hpp"
#endif

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "fake_call.hpp"

namespace deputy::testing
{
namespace detail
{

/// What outlives the handler. The tables' functions, in the order of the headers.
struct effect_services {
    static std::int32_t commit(deputy_call *raw, const void *token, std::uint64_t size)
    {
        auto &c = fake_call::of(raw);
        if (size > DEPUTY_TOKEN_SIZE) {
            return -EINVAL;
        }
        if (!c.may_commit) {
            return -ENOTSUP;
        }
        // It does not look at the caller: whether that has gone is found at the answer.
        if (const std::int32_t r = c.step("effect.commit"); r != 0 && r != -ESRCH) {
            return r;
        }
        if (c.host->commit_failing != 0) {
            return c.host->commit_failing;
        }
        const auto *first = static_cast<const std::byte *>(token);
        c.token.assign(first, first + size);
        c.committed = size > 0;
        return 0;
    }
    static void keep(deputy_call *raw, std::int32_t fd) { fake_call::of(raw).kept.reset(fd); }
    static std::int32_t kept(deputy_call *raw) { return fake_call::of(raw).kept.get(); }

    static std::int32_t wanted(deputy_call *raw) { return fake_call::of(raw).host->looks ? 1 : 0; }
    static void object(deputy_call *raw, const char *text, std::uint64_t size)
    {
        fake_call::of(raw).object.assign(text, std::min<std::uint64_t>(size, DEPUTY_DESCRIPTION_SIZE));
    }
    static void reason(deputy_call *raw, const char *text, std::uint64_t size)
    {
        fake_call::of(raw).reason.assign(text, std::min<std::uint64_t>(size, DEPUTY_DESCRIPTION_SIZE));
    }

    static std::int32_t defer(deputy_call *raw, std::uint64_t *ret_ticket)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("defer.defer"); r != 0) {
            return r;
        }
        if (c.ticket != 0) {
            return -EALREADY;
        }
        c.ticket = c.host->deferred.add(c.container);
        if (c.ticket == 0) {
            return -EAGAIN;
        }
        *ret_ticket = c.ticket;
        return 0;
    }
    static std::int32_t complete(const deputy_host *raw, std::uint64_t ticket, std::int32_t verdict,
                                 const deputy_answer *answer)
    {
        deputy_answer a{};
        a.fd = a.number = -1;
        std::memcpy(&a, answer, std::min<std::size_t>(answer->struct_size, sizeof a));
        return fake_host::of(raw).deferred.complete(ticket, verdict, a);
    }
    static std::int32_t block(deputy_call *raw)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("defer.block"); r != 0) {
            return r;
        }
        if (!c.blocked && !c.host->deferred.enter(c.container)) {
            return -EAGAIN;
        }
        c.blocked = true;
        return 0;
    }
    static std::int32_t interrupted(deputy_call *raw)
    {
        auto &c = fake_call::of(raw);
        const std::int32_t r = c.step("defer.interrupted");
        return r != 0 ? r : c.host->interruption;
    }

    static std::int32_t watch(deputy_call *raw, std::uint64_t *ret_process)
    {
        auto &c = fake_call::of(raw);
        if (!c.may_watch) {
            return -ENOTSUP;
        }
        if (const std::int32_t r = c.step("process.watch"); r != 0) {
            return r;
        }
        auto &h = *c.host;
        const std::lock_guard hold(h.mutex_);
        *ret_process = h.watched_.try_emplace(h.identity.tgid, h.next_process_ + 1).first->second;
        h.next_process_ = std::max(h.next_process_, *ret_process);
        return 0;
    }
};

} // namespace detail
} // namespace deputy::testing

#endif
