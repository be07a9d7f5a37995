/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_DESCRIPTOR_H
#define DEPUTY_EXT_DESCRIPTOR_H

/**
 * @file
 * deputy.descriptor/1: the caller's descriptors. To put one into the caller answer with DEPUTY_REPLY_FD.
 *
 * [handler], for the handler's own call. -ESRCH and -ECANCELED as in deputy.caller/1.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

#define DEPUTY_EXT_DESCRIPTOR_1 "deputy.descriptor/1"
struct deputy_descriptor_v1 {
    /** Duplicates a descriptor of the caller (also O_PATH). ret_fd is given. @return 0 or -EBADF. Since 1.0
     */
    int32_t (*get)(struct deputy_call *call, int32_t fd, int32_t *ret_fd);
};

#ifdef __cplusplus
}
#endif

#endif
