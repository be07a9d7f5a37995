/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_EXT_ACT_H
#define DEPUTY_EXT_ACT_H

/**
 * @file
 * deputy.act/1: operations on the caller's behalf: with its file-system ids, groups and umask, and with no
 * capability but those of grant, which are the host's, and in mknod and unlink the caller's own
 * CAP_DAC_OVERRIDE and CAP_FSETID, over directories whose owner and group both map into its user namespace.
 *
 * Directories and targets are descriptors of the host, from deputy.path/1 or the plugin's own: no path of
 * the caller is resolved here, and none of them is closed. grant is a mask of 1 << CAP_*: what policy grants
 * and nothing else.
 *
 * Commit (deputy.effect/1) comes first, although no operation begins once the call has been answered for the
 * handler. Errors of all: the call's errors, see deputy/plugin.h; -EPERM if grant has a capability that the
 * host lacks; -EACCES, -EPERM, -EPROTO if /proc does not tell who the caller is. From undo all but unlink
 * fail with -ESRCH.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;
struct open_how; /* linux/openat2.h */

#define DEPUTY_EXT_ACT_1 "deputy.act/1"
struct deputy_act_v1 {
    /**
     * mknodat(2) of name, one component, in directory.
     * Required: always. The handler has committed what undo needs to unlink it.
     * Threads: [handler].
     * Ownership: directory stays the plugin's.
     * Errors: -EINVAL (name is no component, device has more than 32 bits), -EBADF, or as of mknodat(2).
     * Since: 1.0.
     */
    int32_t (*mknod)(struct deputy_call *call, int32_t directory, const char *name, uint32_t mode,
                     uint64_t device, uint64_t grant);
    /**
     * openat2(2). The caller's umask counts; RESOLVE_NO_MAGICLINKS and O_NOCTTY are always added.
     * @param path relative to directory, or absolute in the host's own root.
     * Required: always. What may wait for another process (a FIFO) needs O_NONBLOCK or deputy.defer/1.
     * Threads: [handler].
     * Ownership: directory stays the plugin's; *ret_fd is given, O_CLOEXEC whatever how says.
     * Errors: -E2BIG (how_size is more than a page), or as of openat2(2).
     * Since: 1.0.
     */
    int32_t (*open)(struct deputy_call *call, int32_t directory, const char *path, const struct open_how *how,
                    uint64_t how_size, uint64_t grant, int32_t *ret_fd);
    /**
     * unlinkat(2) of name, one component. In a sticky directory the caller's own CAP_FOWNER does not count.
     * Required: always. From undo too, when the caller is gone: the ids are those that deputy.act/1,
     *     deputy.path/1, identity or groups has read in the handler.
     * Threads: [handler].
     * Ownership: directory stays the plugin's.
     * Errors: -EINVAL (name is no component), -EBADF, -ESRCH (from undo, and nothing has read the ids), or
     *     as of unlinkat(2).
     * Since: 1.0.
     */
    int32_t (*unlink)(struct deputy_call *call, int32_t directory, const char *name, uint32_t flags,
                      uint64_t grant);
    /**
     * Binds a copy of the host's mount at source over target, in the caller's mount namespace. The
     * container's root may take it away, and clear its mount flags (read-only, nosuid).
     * @param source a descriptor of the host: file over file, directory over directory.
     * @param target O_PATH, from deputy.path/1.
     * Required: always.
     * Threads: [handler].
     * Ownership: both descriptors stay the plugin's. The mount is the namespace's, and nothing undoes it.
     * Errors: -EPERM (the mount would appear in the host too, or the namespace is the host's), -EINVAL
     *     (target is of another namespace), or as of open_tree(2), setns(2), move_mount(2).
     * Since: 1.0.
     */
    int32_t (*cover)(struct deputy_call *call, int32_t source, int32_t target);
};

#ifdef __cplusplus
}
#endif

#endif
