// SPDX-License-Identifier: Apache-2.0
// Breaks: container_added reads a field that a later header has without a look whether the host has it.
#include <deputy/plugin.hpp>

namespace
{

/// As a later minor version would have it.
struct later_container : deputy_container {
    std::uint64_t added;
};

class reads_past_struct
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = nullptr;

    explicit reads_past_struct(deputy::host) {}

    void register_handlers(deputy::registrar<reads_past_struct> &registrar)
    {
        registrar.on<&reads_past_struct::getppid>("getppid");
    }
    void container_added(const deputy_container &container)
    {
        added_ = static_cast<const later_container &>(container).added;
    }
    deputy::answer getppid(deputy::call &) { return deputy::answer::value(added_ != 0 ? 1 : 0); }

private:
    volatile std::uint64_t added_ = 0;
};

} // namespace

DEPUTY_PLUGIN(reads_past_struct, 0,
              "reads_past_struct\0"
              "0.1\0"
              "getppid\0")
