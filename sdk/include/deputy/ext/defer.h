/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_DEFER_H
#define DEPUTY_EXT_DEFER_H

/**
 * @file
 * deputy.defer/1: calls that are answered after their handler has returned, by another thread, and
 * handlers that block.
 *
 * Neither has a deadline; a container may have 64 of both together, and more get -EAGAIN. A caller that was
 * killed, interrupted, or (under WAIT_KILLABLE_RECV) has a caught signal waiting ends the wait.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_answer;
struct deputy_call;
struct deputy_host;

#define DEPUTY_EXT_DEFER_1 "deputy.defer/1"
struct deputy_defer_v1 {
    /**
     * The call outlives its handler, which next returns DEPUTY_DEFER. Services for the call end with the
     * handler: what is needed later is copied or duplicated before. [handler]
     * @param[out] ret_ticket never used twice in a host's life; not 0.
     * @return 0, -EAGAIN (too many), -ECANCELED, -ESRCH. Since 1.0
     */
    int32_t (*defer)(struct deputy_call *call, uint64_t *ret_ticket);
    /**
     * Answers a deferred call, once; also before the handler has returned. [any]
     * @param verdict DEPUTY_REPLY, DEPUTY_REPLY_FD, DEPUTY_CONTINUE, or a negative errno as from a handler.
     * @param answer as from a handler; a descriptor is given in any case.
     * @return 0; -ESRCH: the caller did not get it, and effects are the plugin's to undo;
     *         -ENOENT: it is answered or gone already; -EINVAL: the caller got EPERM. Since 1.0
     */
    int32_t (*complete)(const struct deputy_host *host, uint64_t ticket, int32_t verdict,
                        const struct deputy_answer *answer);
    /**
     * The handler may block from here on: another thread receives, and no deadline counts. Once the wait
     * ends (see above), system calls of this thread fail with EINTR, again and again, until the handler
     * returns. [handler]
     * @return 0, -EAGAIN (too many), -ECANCELED, -ESRCH. Since 1.0
     */
    int32_t (*block)(struct deputy_call *call);
    /**
     * Why an EINTR came. [handler]
     * @return 0 (go on), -ESRCH (the caller is gone), -EINTR (it has a signal to handle: the handler
     *         answers EINTR, or -ERESTARTSYS has no meaning here), -ECANCELED (the host ends). Since 1.0
     */
    int32_t (*interrupted)(struct deputy_call *call);
};

#ifdef __cplusplus
}
#endif

#endif
