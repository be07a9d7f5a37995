// SPDX-License-Identifier: Apache-2.0
/* File systems that answer otherwise: FUSE, in the middle of a path and at its end, and mounts with other
 * ids. */
#include "cases.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "support/fuse_server.h"
#include "support/idmap_mount.h"

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

/** A tmpfs, which a container may mount so: its 0 is 1000, and 0 has no id there. */
static void idmapped_mounts(void)
{
    must(mount("none", "m", "tmpfs", 0, "mode=777"), "tmpfs");
    must(mkdir("m/bound", 0777), "m/bound");
    make_file("m/file");
    must(idmap_mount("m"), "idmapped mount");
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
