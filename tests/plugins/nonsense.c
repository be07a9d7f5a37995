/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: its answers mean nothing. getppid: an unknown verdict; getpgrp: an errno that is none; uname: a
 * descriptor that is not open; sysinfo: continue without the capability; getuid: a restart code of the
 * kernel; getgid: an O_PATH descriptor. */
#include <fcntl.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "nonsense\0"
                   "0.1\0"
                   "getppid\0"
                   "getpgrp\0"
                   "uname\0"
                   "sysinfo\0"
                   "getuid\0"
                   "getgid\0");

#define HANDLER(name, ...)                                                                                   \
    static deputy_verdict name(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall, \
                               struct deputy_answer *answer)                                                 \
    {                                                                                                        \
        (void)plugin, (void)call, (void)syscall;                                                             \
        __VA_ARGS__                                                                                          \
    }

HANDLER(unknown_verdict, (void)answer; return 99;)
HANDLER(no_errno, answer->error = 1000000; return DEPUTY_REPLY;)
HANDLER(closed_descriptor, answer->fd = 1000000; return DEPUTY_REPLY_FD;)
HANDLER(proceed, (void)answer; return DEPUTY_CONTINUE;)
HANDLER(restart_code, answer->error = 512; return DEPUTY_REPLY;)
HANDLER(path_descriptor, answer->fd = open("/", O_PATH | O_CLOEXEC); return DEPUTY_REPLY_FD;)

static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)
{
    static const struct {
        const char *syscall;
        deputy_handle_fn handle;
    } all[] = {{"getppid", unknown_verdict}, {"getpgrp", no_errno},    {"uname", closed_descriptor},
               {"sysinfo", proceed},         {"getuid", restart_code}, {"getgid", path_descriptor}};
    (void)plugin;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct deputy_handler handler = {
            .struct_size = sizeof handler, .syscall = all[i].syscall, .handle = all[i].handle};
        const int32_t r = registrar->add(registrar->context, &handler);
        if (r != 0) {
            return r;
        }
    }
    return 0;
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
