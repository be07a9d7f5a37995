// SPDX-License-Identifier: Apache-2.0
// Breaks: its constructor throws.
#include <deputy/plugin.hpp>

#include <stdexcept>

namespace
{

class throws_early
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit throws_early(deputy::host) { throw std::runtime_error("thrown on purpose"); }
    void register_handlers(deputy::registrar<throws_early> &) {}
};

} // namespace

DEPUTY_PLUGIN(throws_early, 0,
              "throws_early\0"
              "0.1\0"
              "getppid\0")
