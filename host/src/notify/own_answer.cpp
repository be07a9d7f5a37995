// SPDX-License-Identifier: Apache-2.0
#include "notify/own_answer.hpp"

#include "notify/journal.hpp"

namespace deputyd
{

decision when_off(int off_error) noexcept
{
    decision d;
    d.why = decision::cause::off;
    d.error = off_error;
    d.what = d.error == 0 ? decision::kind::proceed : decision::kind::error;
    return d;
}

decision when_denied(int error) noexcept
{
    decision d;
    d.error = error;
    d.why = decision::cause::denied;
    return d;
}

decision instead(const ruled_handler *h, int off_error, decision::cause why) noexcept
{
    decision d;
    if (h != nullptr && h->observed) {
        d = when_off(off_error);
    } else {
        d.error = h == nullptr ? EPERM : h->fail_error;
    }
    d.why = why;
    return d;
}

std::int32_t journal_error(const ruled_handler &h, int off_error) noexcept
{
    if (!h.observed) {
        return h.fail_error;
    }
    return off_error == 0 ? journal_continues : off_error;
}

decision when_observed(int off_error, const decision &would, bool acts) noexcept
{
    decision d = when_off(off_error);
    if (would.what == decision::kind::proceed && !acts) {
        d.why = d.what == decision::kind::proceed ? decision::cause::handler : decision::cause::off;
        return d;
    }
    d.why = decision::cause::observed;
    d.would_act = acts || would.what == decision::kind::descriptor;
    d.would_error = acts || would.what != decision::kind::error ? 0 : would.error;
    return d;
}

} // namespace deputyd
