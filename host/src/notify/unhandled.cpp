// SPDX-License-Identifier: Apache-2.0
#include "notify/unhandled.hpp"

#include <cerrno>
#include <exception>

#include "base/syscall_name.hpp"
#include "caller/container.hpp"
#include "caller/denied_calls.hpp"
#include "notify/deferred.hpp"
#include "notify/report.hpp"

namespace deputyd
{

decision unhandled(served_call &call) noexcept
{
    decision d;
    d.error = EPERM;
    const denied_calls *const denied = call.container->denied.get();
    const bool told = is_looked_at(**call.state);
    if (denied == nullptr && !told) {
        return d;
    }
    try {
        const deputy_syscall &s = call.syscall;
        const std::string name = syscall_name(s.arch, s.nr, s.args[0]);
        const int error = denied == nullptr ? 0 : denied->error_of(name);
        if (error != 0) {
            d.error = error;
            d.why = decision::cause::denied;
        }
        if (told && call.object.empty()) { // else a handler that passed it has said it
            call.object = (name.empty() ? "system call " + std::to_string(s.nr) : name) + " on " +
                          architecture_name(s.arch, s.nr);
        }
        if (told && d.why == decision::cause::denied) {
            call.reason = "the profile denies it";
        }
    } catch (const std::exception &) { // out of memory; the call is refused all the same
    }
    return d;
}

} // namespace deputyd
