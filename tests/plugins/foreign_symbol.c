/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it uses a library of the host that it does not name. */
#include <stdint.h>

int32_t seccomp_api_get(void);

#include "minimal.h"

DEPUTY_MANIFEST(0, "foreign_symbol\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    return seccomp_api_get() < 0 ? DEPUTY_PASS : DEPUTY_REPLY;
}

MINIMAL_PLUGIN(minimal_create, handle)
