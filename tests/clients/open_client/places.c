// SPDX-License-Identifier: Apache-2.0
/* From where a rule's path is reached: another root, FUSE, a mount with other ids. */
#include "cases.h"

#include <stdlib.h>
#include <sys/mount.h>

#include "support/fuse_server.h"
#include "support/idmap_mount.h"

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "open_client: %s: %s\n", what, strerror(errno));
    exit(2);
}

/** In /jail, where natively the same is mounted as on / . */
static void chrooted(void)
{
    must(chroot("/jail"), "chroot");
    must(chdir("/"), "chdir");
    report("chroot", "file", "", open("/data/file", O_RDWR), 0);
    report("chroot", "none", "", open("/data/none", O_RDONLY), 0);
    report("chroot", "creat", "", open("/data/chrooted", O_RDWR | O_CREAT | O_EXCL, 0640), 1);
    report("chroot", "deep", "", open("/data/dir/deep", O_RDONLY), 0);
    report("chroot", "one", "", open("/one", O_RDWR), 0);
    report("chroot", "relative", "", open("one", O_RDONLY), 0);
    report("chroot", "above_the_root", "", open("../../one", O_RDONLY), 0);
    report("chroot", "up_from_data", "", open("/data/dir/../../one", O_RDONLY), 0);
    report("chroot", "own", "", open("/own", O_RDONLY), 0);
    report("chroot", "absent", "", open("/absent", O_RDONLY), 0);
    must(chdir("/data"), "chdir");
    report("chroot", "from_data", "", open("file", O_RDONLY), 0);
    report("chroot", "from_data_up", "", open("../one", O_RDONLY), 0);
}

static void through_mount(const char *kind)
{
    const int fd = open("/mnt/a", O_PATH | O_CLOEXEC);
    must(fd, "/mnt/a");
    report(kind, "up", "", open("/mnt/../data/file", O_RDWR), 0);
    report(kind, "up_from_below", "", open("/mnt/a/../../one", O_RDWR), 0);
    report(kind, "up_creat", "", open("/mnt/../data/none/x", O_RDWR | O_CREAT, 0640), 0);
    report(kind, "dirfd", "", openat(fd, "../../data/dir/deep", O_RDONLY), 0);
    report(kind, "directory", "", open("/mnt/a", O_RDONLY | O_DIRECTORY), 0);
    report(kind, "not_there", "", open("/mnt/absent", O_RDONLY), 0);
    report(kind, "below_none", "", open("/mnt/absent/../../one", O_RDONLY), 0);
    must(mount("/tmp", "/mnt/a", NULL, MS_BIND, NULL), "bind");
    report(kind, "bound", "", open("/mnt/a/../../one", O_RDONLY), 0);
    must(chdir("/mnt/a"), "chdir");
    report(kind, "from_bound", "", open("../../data/file", O_RDONLY), 0);
    close(fd);
}

static void fuse(void)
{
    must(mount_fuse("/fuse", "/mnt"), "FUSE");
    through_mount("fuse");
}

static void idmapped(void)
{
    must(mount("none", "/mnt", "tmpfs", 0, "mode=755"), "tmpfs");
    must(mkdir("/mnt/a", 0755), "/mnt/a");
    must(idmap_mount("/mnt"), "idmapped mount");
    through_mount("idmapped");
}

static void in_child(void (*steps)(void))
{
    fflush(stdout);
    const pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        must(unshare(CLONE_NEWNS), "unshare");
        must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
        steps();
        exit(0);
    }
    int status = 0;
    must(waitpid(pid, &status, 0), "wait");
    if (status != 0)
        exit(2);
}

void place_cases(void)
{
    in_child(chrooted);
    in_child(fuse);
    in_child(idmapped);
}
