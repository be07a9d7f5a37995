/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_DESCRIPTOR_H
#define DEPUTY_EXT_DESCRIPTOR_H

/**
 * @file
 * deputy.descriptor/1: the caller's descriptors. To put one into the caller answer with DEPUTY_REPLY_FD.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

#define DEPUTY_EXT_DESCRIPTOR_1 "deputy.descriptor/1"
struct deputy_descriptor_v1 {
    /**
     * Duplicates a descriptor of the caller, also an O_PATH one.
     * Required: always.
     * Threads: [handler].
     * Ownership: *ret_fd is given, O_CLOEXEC; it shares offset and flags with the caller's.
     * Errors: the call's errors, see deputy/plugin.h; -EBADF; -ENOTSUP before Linux 6.9 also for a thread
     *     with a descriptor table of its own; -EPERM if a security module denies it.
     * Since: 1.0.
     */
    int32_t (*get)(struct deputy_call *call, int32_t fd, int32_t *ret_fd);
};

#ifdef __cplusplus
}
#endif

#endif
