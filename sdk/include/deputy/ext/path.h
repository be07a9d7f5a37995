/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_PATH_H
#define DEPUTY_EXT_PATH_H

/**
 * @file
 * deputy.path/1: paths of the caller, resolved once, to a descriptor.
 *
 * A path is resolved inside the caller's root, in its mount namespace, with its file-system identity, and
 * with its own capabilities where those count: over inodes whose owner and group both map into its user
 * namespace. Magic links (those of /proc) are never followed, and nothing ends on a procfs: -ELOOP. dirfd is
 * the caller's descriptor or AT_FDCWD. Everything may block for as long as a file system wants to.
 *
 * Errors of all: the call's errors, see deputy/plugin.h; -EACCES, -EPERM, -EPROTO also if /proc does not tell
 * who the caller is and where; -EINTR in a handler that blocks (deputy.defer/1).
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;

/** What the last component of a path is. */
#define DEPUTY_LAST_NAME 0u    /**< a name: deputy_last.name */
#define DEPUTY_LAST_DOT 1u     /**< "." */
#define DEPUTY_LAST_DOT_DOT 2u /**< ".." */
#define DEPUTY_LAST_ROOT 3u    /**< none: the path is nothing but slashes */

/** The last component of a path. */
struct deputy_last {
    uint32_t struct_size;
    uint32_t kind;           /**< DEPUTY_LAST_* */
    uint32_t trailing_slash; /**< 1 if slashes follow it, else 0 */
    char name[256];          /**< NUL-terminated, for DEPUTY_LAST_NAME, else empty */
    uint32_t reserved;
};

#define DEPUTY_EXT_PATH_1 "deputy.path/1"
struct deputy_path_v1 {
    /**
     * Opens what a path names.
     * @param flags O_NOFOLLOW, O_DIRECTORY, both or 0.
     * Required: always. path is a copy in the plugin, from read_string.
     * Threads: [handler].
     * Ownership: *ret_fd is given, O_PATH.
     * Errors: -EINVAL (flags), -ENOENT (an empty path too), -ENAMETOOLONG, -EBADF (dirfd, and the path is
     *     not absolute), or as of openat2(2).
     * Since: 1.0.
     */
    int32_t (*resolve)(struct deputy_call *call, int32_t dirfd, const char *path, uint64_t flags,
                       int32_t *ret_fd);
    /**
     * Opens the directory of the last component, which itself is not looked up, as the kernel does before
     * it makes something. For DEPUTY_LAST_ROOT that is the root, for the dots their directory.
     * Required: always. ret_last->struct_size is set.
     * Threads: [handler].
     * Ownership: *ret_directory is given, O_PATH; *ret_last is the plugin's.
     * Errors: -EINVAL (struct_size is too small), -ENOENT (an empty path too), -ENAMETOOLONG, -EBADF, or as
     *     of openat2(2).
     * Since: 1.0.
     */
    int32_t (*parent)(struct deputy_call *call, int32_t dirfd, const char *path, struct deputy_last *ret_last,
                      int32_t *ret_directory);
    /**
     * The absolute path of a directory or file, as seen from the caller's root. @return its length without
     * the NUL.
     * @param fd a descriptor of the host, from this table.
     * Required: always.
     * Threads: [handler].
     * Ownership: buffer is the plugin's, size bytes, left alone on an error; fd stays the plugin's.
     * Errors: -EBADF, -ENAMETOOLONG (size bytes do not hold it), -ENOENT (deleted, or not below the caller's
     *     root, or no file).
     * Since: 1.0.
     */
    int32_t (*name)(struct deputy_call *call, int32_t fd, char *buffer, uint64_t size);
};

#ifdef __cplusplus
}
#endif

#endif
