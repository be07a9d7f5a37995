/* SPDX-License-Identifier: Apache-2.0 */

/**
 * @file
 * A plugin in C, as small as one can be: dmesg in a container finds an empty kernel log instead of EPERM.
 *
 * Handles two actions of syslog(2). All others stay with the kernel: the predicates keep them out of the
 * filter. What it answers is the same for everyone, so that it need not ask who calls.
 *
 *     deputy run --enable empty_kernel_log -- dmesg
 */

#include <errno.h>

#include <deputy/plugin.h>

DEPUTY_MANIFEST(0, "empty_kernel_log\0"
                   "1.0\0"
                   "syslog\0");

#define SYSLOG_ACTION_READ_ALL 3u
#define SYSLOG_ACTION_SIZE_BUFFER 10u
#define EMPTY_LOG_SIZE 4096

static deputy_verdict read_all(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                               struct deputy_answer *answer)
{
    (void)plugin, (void)call;
    /* As the kernel: a buffer must be named, and the size is an int. */
    if (syscall->args[1] == 0 || (int32_t)syscall->args[2] < 0)
        answer->error = EINVAL;
    return DEPUTY_REPLY; /* answer->value came as 0: no byte was read */
}

static deputy_verdict size_buffer(void *plugin, struct deputy_call *call,
                                  const struct deputy_syscall *syscall, struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall;
    answer->value = EMPTY_LOG_SIZE;
    return DEPUTY_REPLY;
}

static int32_t create(const struct deputy_host *host, void **ret_plugin)
{
    *ret_plugin = (void *)host; /* no state of its own */
    return 0;
}

/* The action is an int in the kernel: width 32, or garbage in the register's upper half would pass by. */
static int32_t register_action(const struct deputy_registrar *registrar, uint32_t action,
                               deputy_handle_fn handle)
{
    const struct deputy_predicate is_action = {
        .argument = 0, .width = 32, .op = DEPUTY_OP_EQ, .value = action};
    const struct deputy_handler handler = {
        .struct_size = sizeof handler,
        .predicate_count = 1,
        .syscall = "syslog",
        .predicates = &is_action,
        .handle = handle,
    };
    return registrar->add(registrar->context, &handler);
}

static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)
{
    (void)plugin;
    const int32_t r = register_action(registrar, SYSLOG_ACTION_READ_ALL, read_all);
    return r < 0 ? r : register_action(registrar, SYSLOG_ACTION_SIZE_BUFFER, size_buffer);
}

static void destroy(void *plugin)
{
    (void)plugin;
}

int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    static const struct deputy_plugin_v1 description = {
        .struct_size = sizeof description,
        .threads = DEPUTY_THREADS_PARALLEL,
        .create = create,
        .register_handlers = register_handlers,
        .destroy = destroy,
    };
    (void)host_minor;
    *ret_plugin = &description;
    return 0;
}
