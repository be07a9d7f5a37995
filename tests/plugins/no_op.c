/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest plugin, in C: getppid() returns 0. The benchmark measures the host by it. */
#include "minimal.h"

DEPUTY_MANIFEST(0, "no_op\0"
                   "0.1\0"
                   "getppid\0");

MINIMAL_PLUGIN(minimal_create, minimal_handle)
