// SPDX-License-Identifier: Apache-2.0
// expect: expected void container_added
#include "plugin.hpp"

struct plugin : right {
    using right::right;
    void register_handlers(deputy::registrar<plugin> &r) { r.on<&plugin::handle>("getppid"); }
    void container_added(std::uint64_t) {}
};
DEPUTY_PLUGIN(plugin, 0,
              "plugin\0"
              "1.0\0"
              "getppid\0")
