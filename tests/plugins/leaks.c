/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: each getppid() leaves a descriptor open. */
#include <unistd.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "leaks\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    return dup(0) < 0 ? DEPUTY_PASS : DEPUTY_REPLY;
}

MINIMAL_PLUGIN(minimal_create, handle)
