/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks of a plugin in C that does nothing, for plugins that break a rule elsewhere. */
#ifndef DEPUTY_TEST_MINIMAL_H
#define DEPUTY_TEST_MINIMAL_H

#include <deputy/plugin.h>

#define EXPORTED __attribute__((visibility("default")))

static inline deputy_verdict minimal_handle(void *plugin, struct deputy_call *call,
                                            const struct deputy_syscall *syscall,
                                            struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    return DEPUTY_REPLY;
}

static inline int32_t minimal_create(const struct deputy_host *host, void **ret_plugin)
{
    (void)host;
    *ret_plugin = 0;
    return 0;
}

static inline int32_t minimal_register(void *plugin, const struct deputy_registrar *registrar)
{
    const struct deputy_handler handler = {
        .struct_size = sizeof handler, .syscall = "getppid", .handle = minimal_handle};
    (void)plugin;
    return registrar->add(registrar->context, &handler);
}

static inline void minimal_destroy(void *plugin)
{
    (void)plugin;
}

/* The rest of a plugin that breaks its rule in CREATE or in HANDLE, its handler of getppid(). */
#define MINIMAL_PLUGIN(CREATE, HANDLE) MINIMAL_PLUGIN_WITH(CREATE, HANDLE, 0)
/* The same with a settings schema, an expression. */
#define MINIMAL_PLUGIN_WITH(CREATE, HANDLE, SCHEMA)                                                          \
    static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)                 \
    {                                                                                                        \
        const struct deputy_handler handler = {                                                              \
            .struct_size = sizeof handler, .syscall = "getppid", .handle = (HANDLE)};                        \
        (void)plugin;                                                                                        \
        return registrar->add(registrar->context, &handler);                                                 \
    }                                                                                                        \
    static struct deputy_plugin_v1 description = {                                                           \
        .struct_size = sizeof description,                                                                   \
        .threads = DEPUTY_THREADS_PARALLEL,                                                                  \
        .create = (CREATE),                                                                                  \
        .register_handlers = register_handlers,                                                              \
        .destroy = minimal_destroy,                                                                          \
    };                                                                                                       \
    EXPORTED int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin) \
    {                                                                                                        \
        (void)host_minor;                                                                                    \
        description.settings_schema = (SCHEMA);                                                              \
        *ret_plugin = &description;                                                                          \
        return 0;                                                                                            \
    }

#endif
