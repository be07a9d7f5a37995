/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it was built for a later minor version of the interface. */
#include <errno.h>

#include "minimal.h"

#undef DEPUTY_ABI_MINOR
#define DEPUTY_ABI_MINOR 7u
DEPUTY_MANIFEST(0, "newer_minor\0"
                   "0.1\0"
                   "getppid\0");

static const struct deputy_plugin_v1 description = {
    .struct_size = sizeof description,
    .threads = DEPUTY_THREADS_PARALLEL,
    .create = minimal_create,
    .register_handlers = minimal_register,
    .destroy = minimal_destroy,
};

EXPORTED int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    (void)host_minor;
    *ret_plugin = &description;
    return 0;
}
