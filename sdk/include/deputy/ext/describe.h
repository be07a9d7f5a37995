/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_DESCRIBE_H
#define DEPUTY_EXT_DESCRIBE_H

/**
 * @file
 * deputy.describe/1: what a call is about, in words, for traces and the audit log. The host knows a call's
 * registers; only its handler knows what it read behind them, and decided on.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

#define DEPUTY_EXT_DESCRIBE_1 "deputy.describe/1"
#define DEPUTY_DESCRIPTION_SIZE 512u /**< bytes that are kept of a text */
struct deputy_describe_v1 {
    /**
     * Whether anybody looks at calls: what costs time to put in words can be left out if not.
     * Required: always.
     * Threads: [handler].
     * Ownership: nothing passes.
     * Errors: none; 1 or 0.
     * Since: 1.0.
     */
    int32_t (*wanted)(struct deputy_call *call);
    /**
     * Says what the call asks for, as its arguments would be written: "/dev/null", 020666, 1:3. Replaces what
     * was said before.
     * Required: always. Only what the handler has copied, and decides on.
     * Threads: [handler].
     * Ownership: text is copied; it need not end with NUL, and control characters are escaped.
     * Errors: none; a longer text is cut.
     * Since: 1.0.
     */
    void (*object)(struct deputy_call *call, const char *text, uint64_t size);
    /**
     * Says why the call is answered as it is, where the answer alone does not: "no rule allows c 1:1".
     * Required: always.
     * Threads: [handler].
     * Ownership: as for object.
     * Errors: none; a longer text is cut.
     * Since: 1.0.
     */
    void (*reason)(struct deputy_call *call, const char *text, uint64_t size);
};

#ifdef __cplusplus
}
#endif

#endif
