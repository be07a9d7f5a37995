/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: getppid() ends the process. */
#include <stdlib.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "exits\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    exit(7);
}

MINIMAL_PLUGIN(minimal_create, handle)
