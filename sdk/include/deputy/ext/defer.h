/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_DEFER_H
#define DEPUTY_EXT_DEFER_H

/**
 * @file
 * deputy.defer/1: calls that are answered after their handler has returned, by another thread, and
 * handlers that block.
 *
 * Neither has a deadline; a container may have 64 of both together. A caller that was killed, interrupted, or
 * (under WAIT_KILLABLE_RECV) has a caught signal waiting ends the wait.
 *
 * -ECANCELED, of the call's errors (see deputy/plugin.h), also says here that the host ends.
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
     * handler: what is needed later is copied or duplicated before.
     * @param[out] ret_ticket never used twice in a host's life; not 0.
     * Required: always. The plugin has call_gone unless it can do without: see there.
     * Threads: [handler].
     * Ownership: the ticket is the plugin's until complete takes it or call_gone comes, which may be before
     *     this returns. Another verdict than DEPUTY_DEFER, or one that comes too late, ends it by call_gone.
     *     What was committed is forgotten: effects are the plugin's to undo.
     * Errors: -EAGAIN (too many wait), -EALREADY (the call is deferred), -ESRCH, -ECANCELED.
     * Since: 1.0.
     */
    int32_t (*defer)(struct deputy_call *call, uint64_t *ret_ticket);
    /**
     * Answers a deferred call, once; also before the handler has returned.
     * @param verdict DEPUTY_REPLY, DEPUTY_REPLY_FD, DEPUTY_CONTINUE, or a negative errno: the caller gets
     *                the errno of its policy.
     * @param answer as from a handler.
     * Required: always. The ticket is from defer.
     * Threads: [any].
     * Ownership: answer->fd is given, as from a handler, whatever this returns. The ticket is dead.
     * Errors: -ESRCH (the caller did not get it, and effects are the plugin's to undo), -ENOENT (it is
     *     answered or gone already, or no ticket), -EINVAL (a verdict or an answer that is none: the caller
     *     got the errno of its policy). 0 also if the kernel could not give the caller the descriptor and it
     *     got that errno.
     * Since: 1.0.
     */
    int32_t (*complete)(const struct deputy_host *host, uint64_t ticket, int32_t verdict,
                        const struct deputy_answer *answer);
    /**
     * The handler may block from here on: another thread receives, and no deadline counts. Once the wait
     * ends (see above), system calls of this thread fail with EINTR, again and again, until the handler
     * returns.
     * Required: always. Again has no effect. The handler still holds its turn of the plugin's thread model.
     * Threads: [handler].
     * Ownership: nothing passes; the services for the call stay.
     * Errors: the call's errors, -EAGAIN (too many wait, or no thread can be started).
     * Since: 1.0.
     */
    int32_t (*block)(struct deputy_call *call);
    /**
     * Why an EINTR came. @return 0: go on.
     * Required: always. After block.
     * Threads: [handler].
     * Ownership: nothing passes.
     * Errors: the call's errors; -EINTR (the caller has a signal to handle: the handler answers EINTR).
     * Since: 1.0.
     */
    int32_t (*interrupted)(struct deputy_call *call);
};

#ifdef __cplusplus
}
#endif

#endif
