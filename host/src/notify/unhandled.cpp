// SPDX-License-Identifier: Apache-2.0
#include "notify/unhandled.hpp"

#include <cerrno>
#include <exception>

#include "base/syscall_name.hpp"
#include "caller/container.hpp"
#include "caller/denied_calls.hpp"
#include "notify/deferred.hpp"
#include "notify/own_answer.hpp"
#include "notify/report.hpp"

namespace deputyd
{
namespace
{

std::string name_of(const deputy_syscall &s)
{
    return syscall_name(s.arch, s.nr, s.args[0]);
}

} // namespace

int denied_error(const deputy_call &call) noexcept
try {
    const denied_calls *const denied = call.container->denied.get();
    return denied == nullptr ? 0 : denied->error_of(name_of(call.syscall));
} catch (const std::exception &) { // out of memory: not to be let through
    return EPERM;
}

decision deny(served_call &call, int denied) noexcept
{
    if (is_looked_at(**call.state)) {
        try {
            call.reason = "the profile denies it";
        } catch (const std::exception &) { // out of memory
        }
    }
    return when_denied(denied);
}

decision unhandled(served_call &call, int denied) noexcept
{
    if (is_looked_at(**call.state) && call.object.empty()) { // else a handler that passed it has said it
        try {
            const deputy_syscall &s = call.syscall;
            const std::string name = name_of(s);
            call.object = (name.empty() ? "system call " + std::to_string(s.nr) : name) + " on " +
                          architecture_name(s.arch, s.nr);
        } catch (const std::exception &) { // out of memory; the call is refused all the same
        }
    }
    if (denied != 0) {
        return deny(call, denied);
    }
    decision d;
    d.error = EPERM;
    return d;
}

} // namespace deputyd
