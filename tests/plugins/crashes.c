/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: getppid() writes to no memory. */
#include "minimal.h"

DEPUTY_MANIFEST(0, "crashes\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    *(volatile int *)8 = 1;
    return DEPUTY_REPLY;
}

MINIMAL_PLUGIN(minimal_create, handle)
