// SPDX-License-Identifier: Apache-2.0

/// @file
/// A plugin in C++, as small as one can be: acct(NULL), which turns process accounting off, succeeds for
/// root of a container, where none is on. acct() with a file name never leaves the kernel, which refuses it.
///
///     deputy run --enable no_accounting -- accton off

#include <linux/capability.h>

#include <deputy/plugin.hpp>

namespace
{

class no_accounting
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit no_accounting(deputy::host) {}

    void register_handlers(deputy::registrar<no_accounting> &registrar)
    {
        const std::array off{deputy::equals64(0, 0)};
        registrar.on<&no_accounting::acct>("acct", off);
    }

    deputy::answer acct(deputy::call &call)
    {
        const auto caller = call.privileges();
        if (!caller) {
            return deputy::answer::failure(caller.error_number());
        }
        // What the kernel would ask for, in the container's own user namespace and in no deeper one.
        const bool may =
            caller->in_container_user_ns != 0 && (caller->capabilities >> CAP_SYS_PACCT & 1) != 0;
        return may ? deputy::answer::value(0) : deputy::answer::failure(EPERM);
    }
};

} // namespace

DEPUTY_PLUGIN(no_accounting, 0,
              "no_accounting\0"
              "1.0\0"
              "acct\0")
