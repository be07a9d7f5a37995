// SPDX-License-Identifier: Apache-2.0
#include "plugin.hpp"

// CONTINUE is used for calls that get nothing from here: whiteouts, which the kernel lets anyone make,
// devices that no setting grants, and callers without the privilege. The kernel decides those by the caller's
// own rights.
DEPUTY_PLUGIN(mknod_plugin::plugin, DEPUTY_CAP_CONTINUE,
              "mknod\0"
              "0.1.0\0"
              "mknod\0"
              "mknodat\0")
