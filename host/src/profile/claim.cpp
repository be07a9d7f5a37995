// SPDX-License-Identifier: Apache-2.0
#include "profile/claim.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/seccomp.h>
#include <stdexcept>

namespace deputyd::profile
{
namespace
{

void check_can_be_notified(const handler &h)
{
    // Runtimes report through write(), pass the listener on with sendmsg() and install filters with
    // seccomp().
    for (const char *own : {"write", "sendmsg", "seccomp"}) {
        if (h.syscall == own) {
            throw std::runtime_error("container runtimes need " + h.syscall +
                                     "() while the filter is there already, a profile cannot hand it over: "
                                     "disable " +
                                     h.plugin->name() + "." + h.syscall);
        }
    }
}

/// Adds calls, without what is there already.
void add(cubes &calls, const cube &c)
{
    const cubes rest = subtract({c}, calls);
    if (rest == cubes{c}) {
        calls.push_back(c);
        return;
    }
    calls.insert(calls.end(), rest.begin(), rest.end());
}

} // namespace

cube new_listener()
{
    cube c;
    c.mask[0] = 0xffffffff; // both parameters are unsigned int
    c.value[0] = SECCOMP_SET_MODE_FILTER;
    c.mask[1] = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    c.value[1] = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    return c;
}

std::vector<claim> claims(std::span<const handler *const> enabled)
{
    std::vector<claim> all;
    for (const handler *h : enabled) {
        check_can_be_notified(*h);
        const std::optional<cube> calls = from_predicates(h->predicates);
        if (!calls) {
            continue;
        }
        auto same =
            std::find_if(all.begin(), all.end(), [&](const claim &c) { return c.syscall == h->syscall; });
        if (same == all.end()) {
            same = all.insert(all.end(), claim{h->syscall, 0, {}});
        }
        if (calls->is_everything()) {
            same->calls = {*calls};
        } else {
            add(same->calls, *calls);
        }
    }
    all.push_back({"seccomp", EBUSY, {new_listener()}});
    return all;
}

bool any_notifies(std::span<const claim> all)
{
    return std::any_of(all.begin(), all.end(), [](const claim &c) { return c.notifies(); });
}

} // namespace deputyd::profile
