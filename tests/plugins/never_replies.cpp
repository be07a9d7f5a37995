// SPDX-License-Identifier: Apache-2.0
// Breaks: sysinfo() is deferred, and never answered.
#include <deputy/plugin.hpp>

namespace
{

class never_replies
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit never_replies(deputy::host host) : host_(host), services_(host) {}

    void register_handlers(deputy::registrar<never_replies> &registrar)
    {
        registrar.on<&never_replies::sysinfo>("sysinfo");
    }

    deputy::answer sysinfo(deputy::call &call)
    {
        return call.defer() ? deputy::answer::deferred() : deputy::answer::failure(EAGAIN);
    }
    void call_gone(std::uint64_t) { host_.log(DEPUTY_LOG_INFO, "a caller has gone without an answer"); }

private:
    deputy::host host_;
    deputy::services services_;
};

} // namespace

DEPUTY_PLUGIN(never_replies, 0,
              "never_replies\0"
              "0.1\0"
              "sysinfo\0")
