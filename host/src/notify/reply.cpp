// SPDX-License-Identifier: Apache-2.0
#include "notify/reply.hpp"

#include <cerrno>

#include "notify/stop_signal.hpp"

namespace deputyd
{
namespace
{

delivery outcome_of(channel::sent s) noexcept
{
    return s == channel::sent::delivered ? delivery::delivered : delivery::lost;
}

delivery deliver_descriptor(channel &to, std::uint64_t id, const decision &d, bool two_step) noexcept
{
    channel::injection added{};
    {
        // A kernel before 6.12 forgets the answer when a signal interrupts ADDFD.
        const stop_signal::blocked no_signal;
        added = to.inject(id, {d.fd, d.fd_flags, d.number}, !two_step);
    }
    switch (added.outcome) {
    case channel::sent::delivered:
        return two_step ? outcome_of(to.reply(id, added.fd, 0)) : delivery::delivered;
    case channel::sent::failed: {
        // Of a number that the caller may not have it is the caller's error.
        const bool plugin = (added.error == EBADF && d.number < 0) || added.error == EINVAL;
        to.reply(id, 0, plugin ? d.misfit_error : added.error);
        return plugin ? delivery::misbehaving : delivery::refused;
    }
    default:
        return delivery::lost;
    }
}

} // namespace

delivery deliver(channel &to, std::uint64_t id, const decision &d, bool two_step) noexcept
{
    switch (d.what) {
    case decision::kind::descriptor:
        return deliver_descriptor(to, id, d, two_step);
    case decision::kind::proceed:
        return outcome_of(to.proceed(id));
    case decision::kind::value:
        return outcome_of(to.reply(id, d.value, 0));
    case decision::kind::error:
        break;
    }
    return outcome_of(to.reply(id, 0, d.error));
}

} // namespace deputyd
