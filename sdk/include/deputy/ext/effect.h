/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_EFFECT_H
#define DEPUTY_EXT_EFFECT_H

/**
 * @file
 * deputy.effect/1: effects that may have to be undone. None of it looks whether the caller is still there:
 * the answer does.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

#define DEPUTY_EXT_EFFECT_1 "deputy.effect/1"
#define DEPUTY_TOKEN_SIZE 256u
struct deputy_effect_v1 {
    /**
     * Records what undo needs, before the effect. A later commit of the same call replaces it; one of 0
     * bytes takes it back, and undo does not come.
     * Required: always. The handler has an undo.
     * Threads: [handler]; not from undo.
     * Ownership: token is copied.
     * Errors: -EINVAL (more than DEPUTY_TOKEN_SIZE bytes), -ENOTSUP (the handler has no undo), -ECANCELED:
     *     the call has been answered for the handler, or is only observed: it must not act.
     * Since: 1.0.
     */
    int32_t (*commit)(struct deputy_call *call, const void *token, uint64_t size);
    /**
     * Gives the call a descriptor, for undo. What a token says must suffice without it: after a restart of
     * the host there is none.
     * Required: always.
     * Threads: [handler].
     * Ownership: fd is given: the host closes it when the call is over, or another is kept. -1 keeps none.
     * Errors: none.
     * Since: 1.0.
     */
    void (*keep)(struct deputy_call *call, int32_t fd);
    /**
     * The descriptor of keep.
     * Required: always. From undo too.
     * Threads: [handler].
     * Ownership: it is borrowed until the call is over, or another is kept.
     * Errors: -1: there is none.
     * Since: 1.0.
     */
    int32_t (*kept)(struct deputy_call *call);
};

#ifdef __cplusplus
}
#endif

#endif
