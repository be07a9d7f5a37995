/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: its description says that it is larger than it is, up to the end of memory; so does its handler. */
#include "minimal.h"

DEPUTY_MANIFEST(0, "large_size\0"
                   "0.1\0"
                   "getppid\0");

static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)
{
    const struct deputy_handler handler = {
        .struct_size = UINT32_MAX, .syscall = "getppid", .handle = minimal_handle};
    (void)plugin;
    return registrar->add(registrar->context, &handler);
}

static const struct deputy_plugin_v1 description = {
    .struct_size = UINT32_MAX,
    .threads = DEPUTY_THREADS_PARALLEL,
    .create = minimal_create,
    .register_handlers = register_handlers,
    .destroy = minimal_destroy,
};

EXPORTED int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    (void)host_minor;
    *ret_plugin = &description;
    return 0;
}
