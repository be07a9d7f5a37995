// SPDX-License-Identifier: Apache-2.0
// Breaks: the default of its setting is none that its settings schema accepts.
#include <deputy/plugin.hpp>

namespace
{

class bad_default
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = R"({
        "type": "object", "additionalProperties": false,
        "properties": {"limit": {"type": "integer", "maximum": 3, "default": 4, "description": "A limit."}}
    })";

    explicit bad_default(deputy::host host) : host_(host), services_(host) {}

    void register_handlers(deputy::registrar<bad_default> &registrar)
    {
        registrar.on<&bad_default::getppid>("getppid");
    }

    deputy::answer getppid(deputy::call &) { return deputy::answer::value(0); }

private:
    [[maybe_unused]] deputy::host host_;
    deputy::services services_;
};

} // namespace

DEPUTY_PLUGIN(bad_default, 0,
              "bad_default\0"
              "0.1\0"
              "getppid\0")
