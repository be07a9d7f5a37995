/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_TESTS_IDMAP_MOUNT_H
#define DEPUTY_TESTS_IDMAP_MOUNT_H
/* A mount with other ids, which root of a container may make of a file system of its own. */

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int write_id_map(pid_t pid, const char *map)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, map);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const ssize_t written = fd < 0 ? -1 : write(fd, "0 1000 100\n", 11);
    close(fd);
    return written == 11 ? 0 : -1;
}

/** A user namespace where 0 is 1000 here. @return a descriptor, or -1. */
static inline int shifted_user_ns(void)
{
    char path[64];
    int fd = -1;
    const pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWUSER) == 0)
            raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, NULL, WUNTRACED);
    if (write_id_map(pid, "uid_map") == 0 && write_id_map(pid, "gid_map") == 0) {
        snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return fd;
}

/** Covers the mount at place with itself, where 0 is 1000, and 0 has no id. @return 0, or -1 with errno. */
static inline int idmap_mount(const char *place)
{
    struct mount_attr ids = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)shifted_user_ns()};
    const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, place, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
    if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &ids, sizeof(ids)) != 0)
        return -1;
    return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, place, 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
}

#endif
