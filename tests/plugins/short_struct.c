/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: its description says that it ends before ready, and so has no destroy; what lies behind it in
 * memory is no part of it. */
#include <stddef.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "short_struct\0"
                   "0.1\0"
                   "getppid\0");

static struct deputy_plugin_v1 description = {
    .struct_size = sizeof description,
    .threads = DEPUTY_THREADS_PARALLEL,
    .create = minimal_create,
    .register_handlers = minimal_register,
    .ready = (int32_t(*)(void *))8,
    .container_gone = (void (*)(void *, uint64_t))8,
    .destroy = minimal_destroy,
};

EXPORTED int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    (void)host_minor;
    description.struct_size = offsetof(struct deputy_plugin_v1, ready);
    *ret_plugin = &description;
    return 0;
}
