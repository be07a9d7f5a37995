// SPDX-License-Identifier: Apache-2.0
// Breaks: getppid() looks at the upper half of an argument that it registers as one of 32 bits.
#include <deputy/plugin.hpp>

namespace
{

class whole_argument
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit whole_argument(deputy::host host) : host_(host), services_(host) {}

    void register_handlers(deputy::registrar<whole_argument> &registrar)
    {
        const deputy_predicate even[] = {deputy::masked32(0, 1, 0)};
        registrar.on<&whole_argument::getppid>("getppid", even);
    }

    deputy::answer getppid(deputy::call &call)
    {
        return deputy::answer::failure(call.arg(0) > 0xffffffff ? EINVAL : EPERM);
    }

private:
    [[maybe_unused]] deputy::host host_;
    deputy::services services_;
};

} // namespace

DEPUTY_PLUGIN(whole_argument, 0,
              "whole_argument\0"
              "0.1\0"
              "getppid\0")
