// SPDX-License-Identifier: Apache-2.0

/// @file
/// A plugin in C++: acct(NULL), which turns process accounting off, succeeds in a container, where none
/// is on. acct() with a file name never leaves the kernel, which refuses it.

#include <deputy/plugin.hpp>

namespace
{

class no_accounting
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit no_accounting(deputy::host host) : host_(host) {}

    void register_handlers(deputy::registrar<no_accounting> &registrar)
    {
        const std::array off{deputy::equals64(0, 0)};
        registrar.on<&no_accounting::acct>("acct", off);
    }

    deputy::answer acct(deputy::call &call)
    {
        const auto caller = call.privileges();
        if (!caller) {
            return deputy::answer::pass();
        }
        if (host_.log_enabled(DEPUTY_LOG_DEBUG)) {
            host_.log(DEPUTY_LOG_DEBUG, "accounting is off for thread " + std::to_string(caller->tid));
        }
        return deputy::answer::value(0);
    }

private:
    deputy::host host_;
};

} // namespace

DEPUTY_PLUGIN(no_accounting, 0,
              "no_accounting\0"
              "1.0\0"
              "acct\0")
