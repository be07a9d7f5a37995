/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_PROCESS_H
#define DEPUTY_EXT_PROCESS_H

/**
 * @file
 * deputy.process/1: the end of processes that have called.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

#define DEPUTY_EXT_PROCESS_1 "deputy.process/1"
struct deputy_process_v1 {
    /**
     * Tells the plugin by process_gone once the caller's process (thread group) has ended, unless its
     * container goes first. A process is watched once, however often it is asked for.
     * @param[out] ret_process id of the process, never used twice in a host's life; not 0.
     * Required: always. The plugin has process_gone, which may come before this returns.
     * Threads: [handler].
     * Ownership: the id is the plugin's until process_gone or container_gone.
     * Errors: the call's errors, see deputy/plugin.h; -ENOTSUP also if the plugin has no process_gone;
     *     -EAGAIN (4,096 are watched for the container, or no thread can be started); or as of
     *     pidfd_open(2), epoll_ctl(2), and of reading /proc/TID.
     * Since: 1.0.
     */
    int32_t (*watch)(struct deputy_call *call, uint64_t *ret_process);
};

#ifdef __cplusplus
}
#endif

#endif
