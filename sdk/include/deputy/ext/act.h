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
 * the caller is resolved here. grant is a mask of 1 << CAP_*: what policy grants and nothing else.
 *
 * [handler], for the handler's own call. Operations that change something return -ECANCELED once the call
 * has been answered for the handler; commit (deputy.effect/1) comes first all the same.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_call;
struct open_how; /* linux/openat2.h */

#define DEPUTY_EXT_ACT_1 "deputy.act/1"
struct deputy_act_v1 {
    /** mknodat(2) of name, one component, in directory. @return 0 or its errno. Since 1.0 */
    int32_t (*mknod)(struct deputy_call *call, int32_t directory, const char *name, uint32_t mode,
                     uint64_t device, uint64_t grant);
    /**
     * openat2(2). The caller's umask counts; RESOLVE_NO_MAGICLINKS and O_NOCTTY are always added.
     * @param path relative to directory, or absolute in the host's own root.
     * @param[out] ret_fd given, O_CLOEXEC.
     * @return 0 or its errno. Since 1.0
     */
    int32_t (*open)(struct deputy_call *call, int32_t directory, const char *path, const struct open_how *how,
                    uint64_t how_size, uint64_t grant, int32_t *ret_fd);
    /**
     * unlinkat(2), also from undo, when the caller is gone. In a sticky directory the caller's own CAP_FOWNER
     * does not count. @return 0 or its errno. Since 1.0
     */
    int32_t (*unlink)(struct deputy_call *call, int32_t directory, const char *name, uint32_t flags,
                      uint64_t grant);
    /**
     * Binds a copy of the host's mount at source over target, in the caller's mount namespace. The
     * container's root may take it away, and clear its mount flags (read-only, nosuid).
     * @param source a descriptor of the host: file over file, directory over directory.
     * @param target O_PATH, from deputy.path/1.
     * @return 0, -EPERM (the mount would appear in the host too), or an errno of open_tree(2), setns(2),
     *         move_mount(2). Since 1.0
     */
    int32_t (*cover)(struct deputy_call *call, int32_t source, int32_t target);
};

#ifdef __cplusplus
}
#endif

#endif
