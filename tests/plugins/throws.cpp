// SPDX-License-Identifier: Apache-2.0
// Breaks: every handler throws, each something else.
#include <deputy/plugin.hpp>

#include <stdexcept>

namespace
{

class throws
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit throws(deputy::host) {}

    void register_handlers(deputy::registrar<throws> &registrar)
    {
        registrar.on<&throws::runtime_error>("getppid");
        registrar.on<&throws::bad_alloc>("getpgrp");
        registrar.on<&throws::system_error>("uname");
        registrar.on<&throws::number>("sysinfo");
    }
    deputy::answer runtime_error(deputy::call &) { throw std::runtime_error("thrown on purpose\x1b[31m"); }
    deputy::answer bad_alloc(deputy::call &) { throw std::bad_alloc(); }
    deputy::answer system_error(deputy::call &)
    {
        throw std::system_error(EXDEV, std::system_category(), "thrown on purpose");
    }
    deputy::answer number(deputy::call &) { throw 7; }
};

} // namespace

DEPUTY_PLUGIN(throws, 0,
              "throws\0"
              "0.1\0"
              "getppid\0"
              "getpgrp\0"
              "uname\0"
              "sysinfo\0")
