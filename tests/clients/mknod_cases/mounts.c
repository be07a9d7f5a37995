// SPDX-License-Identifier: Apache-2.0
/* File systems that answer otherwise: FUSE, in the middle of a path and at its end, and mounts with other
 * ids. */
#include "cases.h"

#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "support/fuse_server.h"

static void fuse_mounts(void)
{
    must(mount_fuse("fuse_device", "m"), "FUSE");
    attempt_null("fuse.end", AT_FDCWD, "m/absent");
    attempt_null("fuse.end.below", AT_FDCWD, "m/sub/absent");
    attempt_null("fuse.exists", AT_FDCWD, "m/there");
    attempt_null("fuse.none", AT_FDCWD, "m/absent/n");
    attempt_null("fuse.slash", AT_FDCWD, "m/absent/");
    attempt_null("fuse.dot", AT_FDCWD, "m/.");
    attempt_null("fuse.up", AT_FDCWD, "m/../n");
    attempt_null("fuse.up_from_below", AT_FDCWD, "m/a/b/../../../d/n");
    must(mount("d", "m/bound", NULL, MS_BIND, NULL), "bind");
    attempt_null("fuse.in_the_middle", AT_FDCWD, "m/bound/n");
    attempt_null("fuse.in_the_middle.below", AT_FDCWD, "m/bound/sub/n");
    attempt_null("fuse.in_the_middle.exists", AT_FDCWD, "m/bound/sub");
    const int fd = open("m/a", O_PATH | O_CLOEXEC);
    attempt_null("fuse.dirfd", fd, "absent");
    attempt_null("fuse.dirfd.in_the_middle", fd, "../bound/n");
    must(chroot("m"), "chroot");
    must(chdir("/"), "chdir");
    attempt_null("fuse.chroot", AT_FDCWD, "/absent");
    attempt_null("fuse.chroot.in_the_middle", AT_FDCWD, "/bound/n");
    attempt_null("fuse.chroot.up", AT_FDCWD, "../../bound/n");
}

/** A user namespace where 0 is 1000 here. */
static int shifted_user_ns(void)
{
    char path[64];
    const pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        must(unshare(CLONE_NEWUSER), "user namespace");
        raise(SIGSTOP);
        _exit(0);
    }
    must(waitpid(pid, NULL, WUNTRACED), "wait");
    for (int group = 0; group < 2; group++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, group ? "gid_map" : "uid_map");
        const int map = open(path, O_WRONLY | O_CLOEXEC);
        must(write(map, "0 1000 100\n", 11), path);
        close(map);
    }
    snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd, path);
    kill(pid, SIGKILL);
    must(waitpid(pid, NULL, 0), "wait");
    return fd;
}

/** A tmpfs, which a container may mount so: its 0 is 1000, and 0 has no id there. */
static void idmapped_mounts(void)
{
    must(mount("none", "m", "tmpfs", 0, "mode=777"), "tmpfs");
    must(mkdir("m/bound", 0777), "m/bound");
    make_file("m/file");
    const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "m", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
    must(tree, "open_tree");
    struct mount_attr ids = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)shifted_user_ns()};
    must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &ids, sizeof(ids)), "mount_setattr");
    must(syscall(SYS_move_mount, tree, "", AT_FDCWD, "m", 4 /* MOVE_MOUNT_F_EMPTY_PATH */), "move_mount");
    attempt_null("idmapped.no_id", AT_FDCWD, "m/n");
    attempt_null("idmapped.exists", AT_FDCWD, "m/file");
    attempt_null("idmapped.none", AT_FDCWD, "m/none/n");
    attempt_null("idmapped.up", AT_FDCWD, "m/../n");
    must(mount("d", "m/bound", NULL, MS_BIND, NULL), "bind");
    attempt_null("idmapped.in_the_middle", AT_FDCWD, "m/bound/n");
    must(chroot("m"), "chroot");
    must(chdir("/"), "chdir");
    attempt_null("idmapped.chroot.in_the_middle", AT_FDCWD, "/bound/n");
}

static void fuse_steps(void)
{
    in_own_mounts(fuse_mounts);
}
static void idmapped_steps(void)
{
    in_own_mounts(idmapped_mounts);
}

void mount_cases(void)
{
    must(mknod("fuse_device", S_IFCHR | 0600, makedev(10, 229)), "a node for FUSE");
    in_child(fuse_steps);
    in_child(idmapped_steps);
}
