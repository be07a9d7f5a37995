/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_SETTINGS_H
#define DEPUTY_EXT_SETTINGS_H

/**
 * @file
 * deputy.settings/1: a container's settings for the plugin, by JSON Pointer (RFC 6901: "/devices/0", ""
 * for the whole), with the defaults of settings_schema filled in.
 *
 * The settings of a container never change. They are there from container_added until container_gone returns.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_host;

#define DEPUTY_EXT_SETTINGS_1 "deputy.settings/1"
struct deputy_settings_v1 {
    /**
     * Reads a boolean: 0 or 1.
     * Required: always. The container is there.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: -ENOENT (no such container or setting), -EINVAL (of another type).
     * Since: 1.0.
     */
    int32_t (*boolean)(const struct deputy_host *host, uint64_t container, const char *pointer,
                       int32_t *ret_value);
    /**
     * Reads an integer.
     * Required: always. The container is there.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: as of boolean; -ERANGE for a number that is no 64-bit integer.
     * Since: 1.0.
     */
    int32_t (*integer)(const struct deputy_host *host, uint64_t container, const char *pointer,
                       int64_t *ret_value);
    /**
     * Reads a string.
     * Required: always. The container is there.
     * Threads: [any].
     * Ownership: *ret_value is the host's, valid until container_gone returns.
     * Errors: as of boolean; -EINVAL also for a string with a NUL in it.
     * Since: 1.0.
     */
    int32_t (*string)(const struct deputy_host *host, uint64_t container, const char *pointer,
                      const char **ret_value);
    /**
     * Counts the entries of an array or object.
     * Required: always. The container is there.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: as of boolean.
     * Since: 1.0.
     */
    int32_t (*count)(const struct deputy_host *host, uint64_t container, const char *pointer,
                     uint32_t *ret_count);
};

#ifdef __cplusplus
}
#endif

#endif
