// SPDX-License-Identifier: Apache-2.0
#include "plugin.hpp"

// CONTINUE is the answer to all that no rule grants: the kernel decides it as if there were no plugin.
DEPUTY_PLUGIN(open_plugin::plugin, DEPUTY_CAP_CONTINUE,
              "open\0"
              "0.1.0\0"
              "open\0"
              "openat\0"
              "openat2\0"
              "creat\0")
