// SPDX-License-Identifier: Apache-2.0
#include "notify/effect.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

#include "caller/call.hpp"
#include "notify/journal.hpp"

namespace deputyd
{
namespace
{

std::int32_t commit(deputy_call *call, const void *token, std::uint64_t size)
{
    if (size > DEPUTY_TOKEN_SIZE) {
        return -EINVAL;
    }
    if (!call->may_commit) {
        return -ENOTSUP;
    }
    if (call->observed) {
        call->would_act = true;
        return -ECANCELED;
    }
    if (call->turn->answered()) {
        return -ECANCELED;
    }
    // A successor of the host takes the bytes only if it finds a size.
    std::atomic_ref(call->token->size).store(0, std::memory_order_release);
    if (size > 0) {
        std::memcpy(call->token->bytes, token, size);
    }
    std::atomic_ref(call->token->size).store(static_cast<std::uint32_t>(size), std::memory_order_release);
    // The watchdog may have been quicker: then the handler does not act, and undo finds nothing.
    if (call->turn->answered()) {
        std::atomic_ref(call->token->size).store(0, std::memory_order_release);
        return -ECANCELED;
    }
    return 0;
}

void keep(deputy_call *call, std::int32_t fd)
{
    call->kept.reset(fd);
}

std::int32_t kept(deputy_call *call)
{
    return call->kept.get();
}

} // namespace

const deputy_effect_v1 effect_table = {.commit = commit, .keep = keep, .kept = kept};

} // namespace deputyd
