/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_SETTINGS_H
#define DEPUTY_EXT_SETTINGS_H

/**
 * @file
 * deputy.settings/1: a container's settings for the plugin, by JSON Pointer (RFC 6901: "/devices/0", ""
 * for the whole), with the defaults of settings_schema filled in.
 *
 * [any], from container_added until container_gone returns. Errors of all: -ENOENT (no such container or
 * setting), -EINVAL (of another type).
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_host;

#define DEPUTY_EXT_SETTINGS_1 "deputy.settings/1"
struct deputy_settings_v1 {
    /** @param[out] ret_value 0 or 1. Since 1.0 */
    int32_t (*boolean)(const struct deputy_host *host, uint64_t container, const char *pointer,
                       int32_t *ret_value);
    /** -ERANGE for a number that is no 64-bit integer. Since 1.0 */
    int32_t (*integer)(const struct deputy_host *host, uint64_t container, const char *pointer,
                       int64_t *ret_value);
    /** ret_value lives until container_gone returns. Since 1.0 */
    int32_t (*string)(const struct deputy_host *host, uint64_t container, const char *pointer,
                      const char **ret_value);
    /** Entries of an array or object. Since 1.0 */
    int32_t (*count)(const struct deputy_host *host, uint64_t container, const char *pointer,
                     uint32_t *ret_count);
};

#ifdef __cplusplus
}
#endif

#endif
