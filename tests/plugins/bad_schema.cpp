// SPDX-License-Identifier: Apache-2.0
// Breaks: its settings schema is not JSON.
#include <deputy/plugin.hpp>

namespace
{

class bad_schema
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = "{\"type\": \"object\",";

    explicit bad_schema(deputy::host host) : host_(host), services_(host) {}

    void register_handlers(deputy::registrar<bad_schema> &registrar)
    {
        registrar.on<&bad_schema::getppid>("getppid");
    }

    deputy::answer getppid(deputy::call &) { return deputy::answer::value(0); }

private:
    [[maybe_unused]] deputy::host host_;
    deputy::services services_;
};

} // namespace

DEPUTY_PLUGIN(bad_schema, 0,
              "bad_schema\0"
              "0.1\0"
              "getppid\0")
