/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it exports a second symbol. */
#include <stdint.h>

extern int32_t deputy_test_second;
__attribute__((visibility("default"))) int32_t deputy_test_second = 1;

#include "minimal.h"

DEPUTY_MANIFEST(0, "exports_more\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    return DEPUTY_REPLY;
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
