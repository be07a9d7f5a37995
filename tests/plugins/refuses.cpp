// SPDX-License-Identifier: Apache-2.0
// Refuses every container.
#include <deputy/plugin.hpp>

namespace
{

class refuses
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = nullptr;

    explicit refuses(deputy::host) {}

    void register_handlers(deputy::registrar<refuses> &registrar)
    {
        registrar.on<&refuses::getppid>("getppid");
    }
    void container_added(const deputy_container &)
    {
        throw std::system_error(EPERM, std::system_category(), "not this one");
    }
    deputy::answer getppid(deputy::call &) { return deputy::answer::value(42); }
};

} // namespace

DEPUTY_PLUGIN(refuses, 0,
              "refuses\0"
              "0.1\0"
              "getppid\0")
