/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: each getppid() keeps memory for ever. */
#include <stdlib.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "leaks_memory\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    static void *volatile last;
    last = malloc(64);
    return last == 0 ? DEPUTY_PASS : DEPUTY_REPLY;
}

static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)
{
    const struct deputy_handler handler = {
        .struct_size = sizeof handler, .syscall = "getppid", .handle = handle};
    (void)plugin;
    return registrar->add(registrar->context, &handler);
}

static const struct deputy_plugin_v1 description = {
    .struct_size = sizeof description,
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
