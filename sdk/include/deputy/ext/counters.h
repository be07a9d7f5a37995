/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_COUNTERS_H
#define DEPUTY_EXT_COUNTERS_H

/**
 * @file
 * deputy.counters/1: numbers that a plugin counts and the host shows.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_host;

#define DEPUTY_EXT_COUNTERS_1 "deputy.counters/1"
struct deputy_counters_v1 {
    /**
     * Makes a counter that begins at 0.
     * @param name 1 to 63 bytes of [a-z0-9_], begins with a letter.
     * @param help one line.
     * Required: always. In create, register_handlers or ready.
     * Threads: [main].
     * Ownership: name and help are copied. The counter is the host's and lasts as long as the plugin.
     * Errors: -EINVAL (name or help), -EEXIST, -ENOSPC (256 are made), -EBUSY (ready has returned).
     * Since: 1.0.
     */
    int32_t (*declare)(const struct deputy_host *host, const char *name, const char *help,
                       uint32_t *ret_counter);
    /**
     * Adds n.
     * Required: always. The counter is declared.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: none; a counter that is none is ignored.
     * Since: 1.0.
     */
    void (*add)(const struct deputy_host *host, uint32_t counter, uint64_t n);
};

#ifdef __cplusplus
}
#endif

#endif
