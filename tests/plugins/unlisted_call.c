/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it registers getppid(), which its manifest does not name. */
#include <errno.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "unlisted_call\0"
                   "0.1\0"
                   "uname\0");

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
