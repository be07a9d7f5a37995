// SPDX-License-Identifier: Apache-2.0
/*
 * Makes device nodes in every way, one line a case. Run as root on the host the kernel answers, run in a
 * container deputy does; the test compares line by line.
 *
 *   mknod_cases DIRECTORY     an empty directory of its own, with a file system that keeps device nodes
 *
 * Nothing is printed that differs between any two runs.
 */
#include "cases.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

char place[256];

void must(long result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "mknod_cases: %s: %s\n", what, strerror(errno));
    exit(2);
}

void note(const char *name, long result)
{
    printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

static int is_at(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static const char *times(const struct stat *st)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!is_at(st->st_atim, st->st_mtim) || !is_at(st->st_mtim, st->st_ctim))
        return "differ";
    return now.tv_sec - st->st_ctim.tv_sec <= 10 ? "now" : "wrong";
}

/** The access control list that it got from its directory, in hexadecimal. */
static void print_acl(const char *path)
{
    unsigned char acl[256];
    const ssize_t size = lgetxattr(path, "system.posix_acl_access", acl, sizeof(acl));
    if (size <= 0)
        return;
    printf(" acl=");
    for (ssize_t i = 0; i < size; i++)
        printf("%02x", acl[i]);
}

static void print_made(int dirfd, const char *path)
{
    char own[64];
    struct stat st;
    const int node = openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (node < 0 || fstat(node, &st) != 0) {
        printf(" but %s", strerrorname_np(errno));
        return;
    }
    printf(" mode=%o uid=%u gid=%u nlink=%u size=%u rdev=%u:%u times=%s", st.st_mode, st.st_uid, st.st_gid,
           (unsigned)st.st_nlink, (unsigned)st.st_size, major(st.st_rdev), minor(st.st_rdev), times(&st));
    snprintf(own, sizeof(own), "/proc/self/fd/%d", node);
    print_acl(own);
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) {
        const int opened = open(own, O_RDWR | O_CLOEXEC);
        printf(" open=%s", opened < 0 ? strerrorname_np(errno) : "ok");
        close(opened);
    }
    close(node);
}

void report(const char *name, long result, int dirfd, const char *path)
{
    printf("%s %s", name, result < 0 ? strerrorname_np(errno) : result == 0 ? "ok" : "strange");
    if (result == 0 && path != NULL) {
        print_made(dirfd, path);
        unlinkat(dirfd, path, 0);
    }
    printf("\n");
    fflush(stdout);
}

void attempt(const char *name, int dirfd, const char *path, unsigned mode, unsigned device)
{
    report(name, raw_mknodat((uint64_t)dirfd, address(path), mode, device), dirfd, path);
}

void attempt_null(const char *name, int dirfd, const char *path)
{
    attempt(name, dirfd, path, S_IFCHR | 0666, null_device);
}

void in_child(void (*steps)(void))
{
    const pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        steps();
        exit(0);
    }
    int status = 0;
    must(waitpid(pid, &status, 0), "wait");
    if (status != 0) {
        fprintf(stderr, "mknod_cases: a child ended with status 0x%x\n", (unsigned)status);
        exit(2);
    }
}

void in_own_mounts(void (*steps)(void))
{
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
    steps();
}

void make_directory(const char *path, unsigned mode, unsigned uid, unsigned gid)
{
    must(mkdir(path, 0700), path);
    must(chown(path, uid, gid), path);
    must(chmod(path, mode), path);
}

void make_file(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    must(fd, path);
    must(write(fd, "x", 1), path);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: mknod_cases DIRECTORY\n");
        return 2;
    }
    must(chdir(argv[1]), argv[1]);
    if (getcwd(place, sizeof(place)) == NULL)
        must(-1, "getcwd");
    umask(022);
    path_cases();
    argument_cases();
    identity_cases();
    place_cases();
    mount_cases();
    task_cases();
    return 0;
}
