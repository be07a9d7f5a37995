/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest plugin, in C: getppid() returns 0. The benchmark measures the host by it. */
#include <deputy/plugin.h>

DEPUTY_MANIFEST(0, "no_op\0" "0.1\0" "getppid\0");

static deputy_verdict handle_getppid(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                                     struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    return DEPUTY_REPLY;
}

static int32_t create(const struct deputy_host *host, void **ret_plugin)
{
    (void)host;
    *ret_plugin = 0;
    return 0;
}

static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)
{
    const struct deputy_handler handler = {
        .struct_size = sizeof handler, .syscall = "getppid", .handle = handle_getppid};
    (void)plugin;
    return registrar->add(registrar->context, &handler);
}

static void destroy(void *plugin)
{
    (void)plugin;
}

static const struct deputy_plugin_v1 description = {
    .struct_size = sizeof description,
    .threads = DEPUTY_THREADS_PARALLEL,
    .create = create,
    .register_handlers = register_handlers,
    .destroy = destroy,
};

__attribute__((visibility("default"))) int32_t deputy_plugin_query_v1(uint32_t host_minor,
                                                                      const struct deputy_plugin_v1 **ret_plugin)
{
    (void)host_minor;
    *ret_plugin = &description;
    return 0;
}
