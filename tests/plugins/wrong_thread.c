/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: getppid() declares a counter, which only the main thread may, before ready; it answers what the
 * host says to that. */
#include "minimal.h"

DEPUTY_MANIFEST(0, "wrong_thread\0"
                   "0.1\0"
                   "getppid\0");

static const struct deputy_host *the_host;

static int32_t create(const struct deputy_host *host, void **ret_plugin)
{
    the_host = host;
    *ret_plugin = 0;
    return 0;
}

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    const struct deputy_counters_v1 *counters = the_host->extension(the_host, DEPUTY_EXT_COUNTERS_1);
    uint32_t counter;
    (void)plugin, (void)call, (void)syscall;
    answer->error = -counters->declare(the_host, "late", "Declared too late.", &counter);
    return DEPUTY_REPLY;
}

MINIMAL_PLUGIN(create, handle)
