// SPDX-License-Identifier: Apache-2.0
// expect: expected an undo: void NAME
#include "plugin.hpp"

struct plugin : right {
    using right::right;
    void register_handlers(deputy::registrar<plugin> &r)
    {
        r.on<&plugin::handle, &plugin::take_back>("getppid");
    }
    void take_back(const char *) {}
};
DEPUTY_PLUGIN(plugin, 0,
              "plugin\0"
              "1.0\0"
              "getppid\0")
