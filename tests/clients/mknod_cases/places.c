// SPDX-License-Identifier: Apache-2.0
/* Where a path leads: roots, mounts and mount namespaces, procfs. */
#include "cases.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

static void chrooted(void)
{
    const int outside = open(".", O_PATH | O_CLOEXEC);
    must(chroot("d"), "chroot");
    attempt_null("chroot.cwd_outside", AT_FDCWD, "n");
    attempt_null("chroot.cwd_outside.up", AT_FDCWD, "../cases/n");
    attempt_null("chroot.absolute", AT_FDCWD, "/n");
    attempt_null("chroot.absolute_up", AT_FDCWD, "/../../n");
    attempt_null("chroot.dirfd_outside", outside, "n");
    attempt_null("chroot.dirfd_outside_absolute", outside, "/sub/n");
    must(chdir("/"), "chdir");
    attempt_null("chroot.relative", AT_FDCWD, "n");
    attempt_null("chroot.up", AT_FDCWD, "../../../n");
    attempt_null("chroot.link_up", AT_FDCWD, "up/n");
    attempt_null("chroot.not_there", AT_FDCWD, place);
}

static void working_directory_gone(void)
{
    must(mkdir("gone", 0755), "gone");
    must(chdir("gone"), "gone");
    must(rmdir("../gone"), "gone");
    attempt_null("cwd_gone.plain", AT_FDCWD, "n");
    attempt_null("cwd_gone.up", AT_FDCWD, "../n");
    attempt_null("cwd_gone.dot", AT_FDCWD, ".");
    attempt_null("cwd_gone.slash", AT_FDCWD, "n/");
}

static void bind_mounts(void)
{
    must(mount("d", "m", NULL, MS_BIND, NULL), "bind");
    attempt_null("mount.bound", AT_FDCWD, "m/n");
    attempt_null("mount.bound.up", AT_FDCWD, "m/../n");
    attempt_null("mount.bound.exists", AT_FDCWD, "m");
    const int fd = open("m", O_PATH | O_CLOEXEC);
    attempt_null("mount.bound.dirfd", fd, "sub/n");
    must(umount2("m", MNT_DETACH), "umount");
    attempt_null("mount.detached.dirfd", fd, "n");
    attempt_null("mount.detached.up", fd, "../n");
    close(fd);
    must(mount("d", "m", NULL, MS_BIND, NULL), "bind");
    must(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "read-only");
    attempt_null("mount.read_only", AT_FDCWD, "m/n");
    attempt_null("mount.read_only.exists", AT_FDCWD, "m/sub");
    attempt_null("mount.read_only.none", AT_FDCWD, "m/none/n");
    attempt_null("mount.read_only.slash", AT_FDCWD, "m/n/");
    attempt_null("mount.read_only.dot", AT_FDCWD, "m/.");
    must(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL), "nodev");
    attempt_null("mount.nodev", AT_FDCWD, "m/n");
    must(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC | MS_NOSUID, NULL), "noexec");
    attempt_null("mount.noexec", AT_FDCWD, "m/n");
    must(mount("file", "file", NULL, MS_BIND, NULL), "bind a file");
    attempt_null("mount.on_a_file", AT_FDCWD, "file");
    attempt_null("mount.on_a_file.below", AT_FDCWD, "file/n");
}

static void tmpfs_mounts(void)
{
    must(mount("none", "m", "tmpfs", 0, NULL), "tmpfs");
    must(mkdir("m/d", 0755), "m/d");
    must(mkdir("m/bound", 0755), "m/bound");
    make_file("m/file");
    attempt_null("tmpfs.plain", AT_FDCWD, "m/n");
    attempt_null("tmpfs.below", AT_FDCWD, "m/d/n");
    attempt_null("tmpfs.exists", AT_FDCWD, "m/file");
    attempt_null("tmpfs.none", AT_FDCWD, "m/none/n");
    attempt_null("tmpfs.slash", AT_FDCWD, "m/n/");
    attempt("tmpfs.whiteout", AT_FDCWD, "m/n", S_IFCHR, 0);
    note("tmpfs.nothing_is_left", access("m/n", F_OK));
    attempt_null("tmpfs.up", AT_FDCWD, "m/../n");
    must(mount("d", "m/bound", NULL, MS_BIND, NULL), "bind");
    attempt_null("tmpfs.in_the_middle", AT_FDCWD, "m/bound/n");
    must(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL), "nodev");
    attempt_null("tmpfs.nodev", AT_FDCWD, "m/d/n");
}

static void overlay_mounts(void)
{
    must(mkdir("lower", 0755), "lower");
    must(mkdir("lower/d", 0755), "lower/d");
    must(mkdir("lower/bound", 0755), "lower/bound");
    must(mkdir("upper", 0755), "upper");
    must(mkdir("work", 0755), "work");
    make_file("lower/file");
    must(symlink("../d", "lower/out"), "lower/out");
    must(mount("none", "m", "overlay", 0, "userxattr,lowerdir=lower,upperdir=upper,workdir=work"), "overlay");
    attempt_null("overlay.plain", AT_FDCWD, "m/n");
    attempt_null("overlay.below", AT_FDCWD, "m/d/n");
    attempt_null("overlay.exists", AT_FDCWD, "m/file");
    attempt_null("overlay.slash", AT_FDCWD, "m/n/");
    note("overlay.nothing_is_left", access("m/n", F_OK));
    attempt_null("overlay.link_out", AT_FDCWD, "m/out/n");
    must(mount("d", "m/bound", NULL, MS_BIND, NULL), "bind");
    attempt_null("overlay.in_the_middle", AT_FDCWD, "m/bound/n");
    attempt_null("overlay.in_the_middle.exists", AT_FDCWD, "m/bound/sub");
    attempt_null("overlay.up", AT_FDCWD, "m/bound/../../n");
}

static void deeper_mount_namespace(void)
{
    must(mount("d", "m", NULL, MS_BIND, NULL), "bind");
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount("d/sub", "m", NULL, MS_BIND, NULL), "bind");
    attempt_null("namespace.covered", AT_FDCWD, "m/n");
    must(chroot("m"), "chroot");
    must(chdir("/"), "chdir");
    attempt_null("namespace.chroot", AT_FDCWD, "/n");
    attempt_null("namespace.chroot.up", AT_FDCWD, "../n");
}

static void procfs(void)
{
    must(mount("proc", "m", "proc", 0, NULL), "proc");
    attempt_null("proc.root", AT_FDCWD, "m/n");
    attempt_null("proc.exists", AT_FDCWD, "m/version");
    attempt_null("proc.file_in_the_middle", AT_FDCWD, "m/version/n");
    attempt_null("proc.self", AT_FDCWD, "m/self/n");
    attempt_null("proc.none", AT_FDCWD, "m/none/n");
    attempt_null("proc.magic.cwd", AT_FDCWD, "m/self/cwd/n");
    attempt_null("proc.magic.cwd_exists", AT_FDCWD, "m/self/cwd/file");
    attempt_null("proc.magic.cwd_slash", AT_FDCWD, "m/self/cwd/n/");
    attempt_null("proc.magic.root", AT_FDCWD, "m/self/root/n");
    attempt_null("proc.up", AT_FDCWD, "m/self/../../n");
}

static void bind_steps(void)
{
    in_own_mounts(bind_mounts);
}
static void tmpfs_steps(void)
{
    in_own_mounts(tmpfs_mounts);
}
static void overlay_steps(void)
{
    in_own_mounts(overlay_mounts);
}
static void namespace_steps(void)
{
    in_own_mounts(deeper_mount_namespace);
}
static void procfs_steps(void)
{
    in_own_mounts(procfs);
}

/** What the test has prepared: directories that only the host can make so. */
static void prepared(void)
{
    attempt_null("immutable.new", AT_FDCWD, "../immutable/n");
    attempt_null("immutable.exists", AT_FDCWD, "../immutable/file");
    attempt_null("immutable.slash", AT_FDCWD, "../immutable/n/");
    attempt_null("append_only.new", AT_FDCWD, "../append_only/n");
    attempt_null("append_only.again", AT_FDCWD, "../append_only/n");
}

void place_cases(void)
{
    must(mkdir("m", 0755), "m");
    in_child(chrooted);
    in_child(working_directory_gone);
    in_child(bind_steps);
    in_child(tmpfs_steps);
    in_child(overlay_steps);
    in_child(namespace_steps);
    in_child(procfs_steps);
    prepared();
}
