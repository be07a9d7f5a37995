/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it was built for version 2 of the interface; its constructor must not run. */
#include <errno.h>

#include "minimal.h"

#include <stdlib.h>

#undef DEPUTY_ABI_MAJOR
#define DEPUTY_ABI_MAJOR 2u
DEPUTY_MANIFEST(0, "wrong_major\0"
                   "0.1\0"
                   "getppid\0");

__attribute__((constructor)) static void run_at_load(void)
{
    setenv("DEPUTY_TEST_CONSTRUCTOR_RAN", "1", 1);
}

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
