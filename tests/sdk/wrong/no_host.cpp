// SPDX-License-Identifier: Apache-2.0
// expect: expected a plugin class: NAME
#include "plugin.hpp"

struct plugin {
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = nullptr;
    void register_handlers(deputy::registrar<plugin> &) {}
};
DEPUTY_PLUGIN(plugin, 0,
              "plugin\0"
              "1.0\0"
              "getppid\0")
