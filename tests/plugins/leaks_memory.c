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

MINIMAL_PLUGIN(minimal_create, handle)
