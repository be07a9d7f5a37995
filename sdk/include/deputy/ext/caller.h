/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_CALLER_H
#define DEPUTY_EXT_CALLER_H

/**
 * @file
 * deputy.caller/1: the caller's memory and identity.
 *
 * Addresses are the caller's, buffers are the plugin's. Memory may block for ever (a page that a FUSE server
 * never delivers).
 *
 * Errors of all: the call's errors, see deputy/plugin.h; -EPERM or -EACCES if a security module denies the
 * host what ptrace(2) calls access.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

/** Who called. Ids are the host's (initial user namespace's), as in the caller's credentials. */
struct deputy_identity {
    uint32_t struct_size;
    uint32_t tid;
    uint32_t tgid;
    uint32_t umask;
    uint32_t uid, gid;            /**< real */
    uint32_t euid, egid;          /**< effective */
    uint32_t suid, sgid;          /**< saved */
    uint32_t fsuid, fsgid;        /**< for file access */
    uint64_t capabilities;        /**< effective, in the caller's own user namespace */
    uint64_t user_ns;             /**< inode of its user namespace */
    int32_t in_container_user_ns; /**< 1 if that is the container's own, 0 if another */
    uint32_t group_count;         /**< supplementary groups, at most 65536 */
};

/** What the caller may do where: the part of deputy_identity that is cheap to get. */
struct deputy_privileges {
    uint32_t struct_size;
    int32_t in_container_user_ns; /**< 1 if its user namespace is the container's own, 0 if another */
    uint64_t capabilities;        /**< effective, in the caller's own user namespace */
    uint64_t user_ns;             /**< inode of its user namespace */
};

#define DEPUTY_EXT_CALLER_1 "deputy.caller/1"
struct deputy_caller_v1 {
    /**
     * Copies size bytes from the caller.
     * Required: always. Once for each address: another thread of the caller may change it meanwhile.
     * Threads: [handler].
     * Ownership: buffer is the plugin's, size bytes, and may hold a part after an error.
     * Errors: -EFAULT (not all of it can be read).
     * Since: 1.0.
     */
    int32_t (*read)(struct deputy_call *call, uint64_t address, void *buffer, uint64_t size);
    /**
     * Copies a string with its NUL. @return its length without it.
     * Required: always. Once, as read.
     * Threads: [handler].
     * Ownership: as of read.
     * Errors: -EFAULT, -ENAMETOOLONG (size bytes hold no NUL).
     * Since: 1.0.
     */
    int32_t (*read_string)(struct deputy_call *call, uint64_t address, char *buffer, uint64_t size);
    /**
     * Copies a struct that has user_size bytes in the caller and known_size bytes here, as the kernel's
     * copy_struct_from_user(): missing bytes are zeroed; extra ones must be zero.
     * Required: always. Once, as read.
     * Threads: [handler].
     * Ownership: buffer is the plugin's, known_size bytes, left alone on an error.
     * Errors: -EFAULT, -E2BIG (extra bytes are not zero, or user_size is more than 4096).
     * Since: 1.0.
     */
    int32_t (*read_struct)(struct deputy_call *call, uint64_t address, uint64_t user_size, void *buffer,
                           uint64_t known_size);
    /**
     * Copies size bytes into the caller.
     * Required: always.
     * Threads: [handler].
     * Ownership: buffer stays the plugin's.
     * Errors: -EFAULT. A part may have been written, after -ESRCH and -ECANCELED all of it.
     * Since: 1.0.
     */
    int32_t (*write)(struct deputy_call *call, uint64_t address, const void *buffer, uint64_t size);
    /**
     * The caller's user namespace and effective capabilities: about a microsecond.
     * Required: always. ret_privileges->struct_size is set.
     * Threads: [handler].
     * Ownership: *ret_privileges is the plugin's.
     * Errors: -EINVAL (struct_size is not set).
     * Since: 1.0.
     */
    int32_t (*privileges)(struct deputy_call *call, struct deputy_privileges *ret_privileges);
    /**
     * The caller's ids, umask and capabilities. Reads a file of /proc: about ten microseconds, once a call,
     * so that all services see those of one moment.
     * Required: always. ret_identity->struct_size is set.
     * Threads: [handler].
     * Ownership: *ret_identity is the plugin's.
     * Errors: -EINVAL (struct_size is not set), -EPROTO (/proc says something else than expected).
     * Since: 1.0.
     */
    int32_t (*identity)(struct deputy_call *call, struct deputy_identity *ret_identity);
    /**
     * Supplementary groups, at most count. @return how many there are, which may be more.
     * Required: always.
     * Threads: [handler].
     * Ownership: ret_groups is the plugin's, count entries; NULL if count is 0.
     * Errors: -EPROTO, as of identity.
     * Since: 1.0.
     */
    int32_t (*groups)(struct deputy_call *call, uint32_t *ret_groups, uint32_t count);
};

#ifdef __cplusplus
}
#endif

#endif
