// SPDX-License-Identifier: Apache-2.0
// expect: expected a handler: deputy::answer NAME
#include "plugin.hpp"

struct plugin : right {
    using right::right;
    void register_handlers(deputy::registrar<plugin> &r) { r.on<&plugin::getppid>("getppid"); }
    static deputy::answer getppid(deputy::call &) { return deputy::answer::pass(); }
};
DEPUTY_PLUGIN(plugin, 0,
              "plugin\0"
              "1.0\0"
              "getppid\0")
