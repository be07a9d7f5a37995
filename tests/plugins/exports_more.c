/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it exports a second symbol. */
#include <stdint.h>

extern int32_t deputy_test_second;
__attribute__((visibility("default"))) int32_t deputy_test_second = 1;

#include "minimal.h"

DEPUTY_MANIFEST(0, "exports_more\0"
                   "0.1\0"
                   "getppid\0");

static deputy_verdict handle(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                             struct deputy_answer *answer)
{
    (void)plugin, (void)call, (void)syscall, (void)answer;
    return DEPUTY_REPLY;
}

MINIMAL_PLUGIN(minimal_create, handle)
