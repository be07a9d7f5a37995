// SPDX-License-Identifier: Apache-2.0
/*
 * open(), openat(), openat2() and creat() of a prepared tree (tests/integration/open_cases_test.cpp), a line
 * a case: its name, then the errno or what was opened. Each object is opened with each set of flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum start { CWD, ROOT, DATA, DATA_DIR, TMP, BAD, A_FILE, STARTS };
static int starts[STARTS];
static unsigned number; /* of the case: stands for @ in paths, so that each makes a file of its own */

struct object {
    const char *name;
    enum start start;
    const char *path;
};
static const struct object objects[] = {
    {"file", CWD, "/data/file"},
    {"none", CWD, "/data/none-@"},
    {"dir", CWD, "/data/dir"},
    {"top", CWD, "/data"},
    {"top_slash", CWD, "/data/"},
    {"file_slash", CWD, "/data/file/"},
    {"none_slash", CWD, "/data/none-@/"},
    {"deep", CWD, "/data/dir/deep"},
    {"link", CWD, "/data/link"},
    {"dangling", CWD, "/data/dangling-@"},
    {"dangling_made", CWD, "/data/dangling"},
    {"loop", CWD, "/data/loop"},
    {"dir_link", CWD, "/data/dir_link/deep"},
    {"not_dir", CWD, "/data/file/x"},
    {"no_dir", CWD, "/data/none/x"},
    {"node", CWD, "/data/null"},
    {"no_driver", CWD, "/data/no_driver"},
    {"socket", CWD, "/data/socket"},
    {"unreadable", CWD, "/data/unreadable"},
    {"secret", CWD, "/data/secret/file"},
    {"dots", CWD, "/data/dir/../file"},
    {"dot", CWD, "/data/./file"},
    {"slashes", CWD, "//data///file"},
    {"through_link", CWD, "/to_root/data/file"},
    {"from_root", ROOT, "data/file"},
    {"from_data", DATA, "file"},
    {"from_data_none", DATA, "none-@"},
    {"from_data_dir", DATA, "dir/deep"},
    {"from_below", DATA_DIR, "deep"},
    {"from_below_up", DATA_DIR, "../file"},
    {"from_tmp", TMP, "../data/file"},
    {"from_bad", BAD, "data/file"},
    {"from_bad_absolute", BAD, "/data/file"},
    {"from_file", A_FILE, "data/file"},
    {"one", CWD, "/one"},
    {"one_slash", CWD, "/one/"},
    {"one_from_root", ROOT, "one"},
    {"one_from_tmp", TMP, ".././one"},
    {"one_dir", CWD, "/one_dir"},
    {"node_alone", CWD, "/node"},
    {"ro_file", CWD, "/ro/file"},
    {"ro_none", CWD, "/ro/none-@"},
    {"ro_dir", CWD, "/ro/dir"},
    {"ro_one", CWD, "/ro_one"},
    {"own", CWD, "/own"},
    {"own_none", CWD, "/tmp/none-@"},
    {"out", CWD, "/data/../own"},
};

struct flag_set {
    const char *name;
    uint64_t flags;
};
static const struct flag_set flag_sets[] = {
    {"rdonly", O_RDONLY},
    {"wronly", O_WRONLY},
    {"rdwr", O_RDWR},
    {"both", O_ACCMODE},
    {"cloexec", O_RDONLY | O_CLOEXEC},
    {"append", O_WRONLY | O_APPEND},
    {"nonblock", O_RDONLY | O_NONBLOCK},
    {"sync", O_RDWR | O_SYNC},
    {"dsync", O_RDWR | O_DSYNC},
    {"noatime", O_RDONLY | O_NOATIME},
    {"noctty", O_RDONLY | O_NOCTTY},
    {"directory", O_RDONLY | O_DIRECTORY},
    {"directory_rdwr", O_RDWR | O_DIRECTORY},
    {"nofollow", O_RDONLY | O_NOFOLLOW},
    {"trunc", O_WRONLY | O_TRUNC},
    {"trunc_rdonly", O_RDONLY | O_TRUNC},
    {"creat", O_WRONLY | O_CREAT},
    {"creat_rdonly", O_RDONLY | O_CREAT},
    {"creat_excl", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC},
    {"creat_trunc", O_RDWR | O_CREAT | O_TRUNC},
    {"creat_nofollow", O_WRONLY | O_CREAT | O_NOFOLLOW},
    {"creat_directory", O_RDONLY | O_CREAT | O_DIRECTORY},
    {"excl", O_RDONLY | O_EXCL},
    {"tmpfile", O_RDWR | O_TMPFILE},
    {"tmpfile_rdonly", O_RDONLY | O_TMPFILE},
    {"unknown", O_RDONLY | 1u << 30},
    {"async", O_RDWR | O_ASYNC},
};

static const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "unknown";
}

void report(const char *prefix, const char *name, const char *suffix, long fd, int made)
{
    const int error = errno;
    printf("%s%s%s%s%s ", prefix, *prefix ? "." : "", name, *suffix ? "." : "", suffix);
    if (fd < 0) {
        printf("%s\n", error_name(error));
        return;
    }
    struct stat st;
    fstat((int)fd, &st);
    printf("ok mode=%o size=%lld rdev=%llx flags=%x fd_flags=%x", st.st_mode,
           S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size, (unsigned long long)st.st_rdev,
           (unsigned)fcntl((int)fd, F_GETFL), (unsigned)fcntl((int)fd, F_GETFD));
    if (made)
        printf(" owner=%u:%u links=%u", st.st_uid, st.st_gid, (unsigned)st.st_nlink);
    if (S_ISREG(st.st_mode)) {
        char text[8] = "";
        const ssize_t got = pread((int)fd, text, 4, 0);
        printf(" read=%s write=%s", got < 0 ? error_name(errno) : text,
               pwrite((int)fd, "data", 4, 0) < 0 ? error_name(errno) : "ok");
    }
    printf("\n");
    close((int)fd);
}

static const char *numbered(const char *path)
{
    static char buffer[4096];
    const char *at = strchr(path, '@');
    if (!at)
        return path;
    snprintf(buffer, sizeof buffer, "%.*s%u%s", (int)(at - path), path, number, at + 1);
    return buffer;
}

static long openat2_call(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

static void all_flags(void)
{
    for (size_t i = 0; i < COUNT(objects); i++)
        for (size_t j = 0; j < COUNT(flag_sets); j++) {
            const struct object *o = &objects[i];
            number++;
            report("", o->name, flag_sets[j].name,
                   syscall(SYS_openat, starts[o->start], numbered(o->path), flag_sets[j].flags, 01751),
                   strchr(o->path, '@') != NULL);
        }
}

static void by_openat2(void)
{
    static const struct flag_set resolves[] = {
        {"none", 0},
        {"no_magiclinks", RESOLVE_NO_MAGICLINKS},
        {"no_symlinks", RESOLVE_NO_SYMLINKS},
        {"no_xdev", RESOLVE_NO_XDEV},
        {"beneath", RESOLVE_BENEATH},
        {"in_root", RESOLVE_IN_ROOT},
        {"both", RESOLVE_BENEATH | RESOLVE_IN_ROOT},
        {"unknown", 1u << 20},
    };
    for (size_t i = 0; i < COUNT(objects); i++)
        for (size_t j = 0; j < COUNT(resolves); j++)
            report("openat2", objects[i].name, resolves[j].name,
                   openat2_call(starts[objects[i].start], numbered(objects[i].path), O_RDONLY, 0,
                                resolves[j].flags),
                   0);
    report("openat2", "bad_flags", "", openat2_call(AT_FDCWD, "/data/file", 1u << 30, 0, 0), 0);
    report("openat2", "mode_without_creat", "", openat2_call(AT_FDCWD, "/data/file", O_RDONLY, 0644, 0), 0);
    report("openat2", "bad_mode", "", openat2_call(AT_FDCWD, "/data/new-m", O_RDWR | O_CREAT, 0100644, 0), 0);
    report("openat2", "creat", "", openat2_call(AT_FDCWD, "/data/new-2", O_RDWR | O_CREAT, 0640, 0), 1);
    report("openat2", "creat_excl", "",
           openat2_call(AT_FDCWD, "/data/new-2", O_RDWR | O_CREAT | O_EXCL, 0640, 0), 1);
    report("openat2", "creat_cached", "",
           openat2_call(AT_FDCWD, "/data/new-3", O_RDWR | O_CREAT, 0640, RESOLVE_CACHED), 0);
}

static void how_sizes(void)
{
    struct {
        struct open_how how;
        uint64_t tail[600];
    } big = {.how = {.flags = O_RDONLY}};
    static const size_t sizes[] = {0, 8, 23, 24, 25, 32, 4096, 4097};
    for (size_t tail = 0; tail < 2; tail++) {
        big.tail[0] = tail;
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char name[16];
            snprintf(name, sizeof name, "%zu", sizes[i]);
            report("how_size", name, tail ? "tail" : "zeroes",
                   syscall(SYS_openat2, AT_FDCWD, "/data/file", &big, sizes[i]), 0);
        }
    }
    report("how_size", "null", "", syscall(SYS_openat2, AT_FDCWD, "/data/file", NULL, 24), 0);
    report("how_size", "null_short", "", syscall(SYS_openat2, AT_FDCWD, "/data/file", NULL, 8), 0);
}

static void paths(void)
{
    static char text[5000];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "/data/", 6);
    static const size_t lengths[] = {6 + 255, 6 + 256, 4095, 4096};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu", lengths[i]);
        text[lengths[i]] = '\0';
        report("length", name, "", open(text, O_RDONLY), 0);
        text[lengths[i]] = 'a';
    }
    text[6 + 250] = '\0';
    report("length", "created", "", open(text, O_RDWR | O_CREAT, 0600), 1);
    report("path", "null", "", syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY), 0);
    report("path", "null_bad_flags", "", syscall(SYS_openat, AT_FDCWD, NULL, O_CREAT | O_DIRECTORY), 0);
    report("path", "kernel", "", syscall(SYS_openat, AT_FDCWD, ~0xfffull, O_RDONLY), 0);
    report("path", "empty", "", open("", O_RDONLY), 0);
    report("path", "root", "", open("/", O_RDONLY), 0);
    report("path", "long_way", "", open("/data/dir/../dir/../dir/../dir/../file", O_RDONLY), 0);
    report("path", "name_again", "", open("/tmp/data/file", O_RDONLY), 0);
    report("path", "name_elsewhere", "", open("/tmp/one", O_RDONLY), 0);
    report("path", "linked_in", "", open("/to_data/file", O_RDONLY), 0);
    report("path", "linked_one", "", open("/to_one", O_RDONLY), 0);
    report("path", "outward_link", "", open("/data/outward", O_RDONLY), 0);
    report("path", "outward_up", "", open("/data/upward", O_RDONLY), 0);
}

#ifdef SYS_open
static void old_calls(void)
{
    report("open", "file", "", syscall(SYS_open, "/data/file", O_RDWR), 0);
    report("open", "creat", "", syscall(SYS_open, "/data/old-1", O_RDWR | O_CREAT, 0604), 1);
    report("open", "upper_half", "", syscall(SYS_open, "/data/file", 0x5a5a5a5a00000000ull | O_RDONLY), 0);
    report("open", "mode_bits", "", syscall(SYS_open, "/data/old-2", O_RDWR | O_CREAT, 0xffff0604), 1);
    report("creat", "new", "", syscall(SYS_creat, "/data/old-3", 0777), 1);
    report("creat", "there", "", syscall(SYS_creat, "/data/old-3", 0), 0);
    report("creat", "dir", "", syscall(SYS_creat, "/data/dir", 0777), 0);
    report("creat", "one", "", syscall(SYS_creat, "/one", 0777), 0);
    report("creat", "ro", "", syscall(SYS_creat, "/ro/file", 0777), 0);
    report("open", "own", "", syscall(SYS_open, "/own", O_RDONLY), 0);
}
#else
static void old_calls(void)
{
}
#endif

#ifdef __x86_64__
static long i386_call(long nr, long a, long b, long c, long d)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
                     : "memory", "r8", "r9", "r10", "r11");
    if ((int)result < 0) {
        errno = -(int)result;
        return -1;
    }
    return result;
}

static void foreign_calls(void)
{
    char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    struct open_how *how = (struct open_how *)(low + 1024);
    const long path = (long)low;
    strcpy(low, "/data/file");
    report("i386", "open", "", i386_call(5, path, O_RDWR, 0, 0), 0);
    report("i386", "openat", "", i386_call(295, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), 0);
    how->flags = O_RDWR;
    report("i386", "openat2", "", i386_call(437, AT_FDCWD, path, (long)how, sizeof *how), 0);
    strcpy(low, "/data/i386-new");
    report("i386", "creat", "", i386_call(8, path, 0640, 0, 0), 1);
    strcpy(low, "/data/big");
    report("i386", "big", "", i386_call(5, path, O_RDONLY, 0, 0), 0);
    report("i386", "big_largefile", "", i386_call(5, path, O_RDONLY | 0100000, 0, 0), 0);
}
#else
static void foreign_calls(void)
{
}
#endif

static void umasks(void)
{
    static const mode_t masks[] = {0, 022, 027, 077, 0777};
    for (size_t i = 0; i < COUNT(masks); i++) {
        char name[16], path[64];
        snprintf(name, sizeof name, "%o", masks[i]);
        umask(masks[i]);
        snprintf(path, sizeof path, "/data/umask-%o", masks[i]);
        report("umask", name, "", open(path, O_RDWR | O_CREAT | O_EXCL, 0777), 1);
        snprintf(path, sizeof path, "/data/acl/umask-%o", masks[i]);
        report("umask", name, "acl", open(path, O_RDWR | O_CREAT | O_EXCL, 0777), 1);
        report("umask", name, "tmpfile", open("/data/dir", O_RDWR | O_TMPFILE, 0777), 1);
    }
    umask(022);
    struct stat directory = {0}, made = {0};
    const int d = open("/data/setgid", O_RDONLY | O_DIRECTORY);
    const int f = open("/data/setgid/file", O_RDWR | O_CREAT, 02777);
    fstat(d, &directory);
    fstat(f, &made);
    printf("setgid %d %o\n", directory.st_gid == made.st_gid, made.st_mode & 0777);
    close(d);
    close(f);
}

/* As another user of the container, without capabilities. */
static void as_user(void)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
            _exit(1);
        static const char *const files[] = {
            "/data/file", "/data/unreadable", "/data/secret/file", "/data/public",
            "/data/null", "/data/dir",        "/data/none",        "/one",
            "/ro/file"};
        for (size_t i = 0; i < COUNT(files); i++)
            for (size_t j = 0; j < 5; j++) {
                char name[64];
                snprintf(name, sizeof name, "%s", files[i] + 1);
                for (char *c = name; *c; c++)
                    if (*c == '/')
                        *c = '_';
                report("user", name, flag_sets[j].name, open(files[i], (int)flag_sets[j].flags), 0);
            }
        report("user", "creat", "root_dir", open("/data/user-1", O_RDWR | O_CREAT, 0644), 1);
        report("user", "creat", "public_dir", open("/data/everybody/user-1", O_RDWR | O_CREAT, 0644), 1);
        report("user", "noatime", "", open("/data/file", O_RDONLY | O_NOATIME), 0);
        report("user", "noatime", "own", open("/data/everybody/user-1", O_RDONLY | O_NOATIME), 1);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void *thread_main(void *unused)
{
    report("thread", "file", "", open("/data/file", O_RDWR), 0);
    if (unshare(CLONE_FS) == 0 && chdir("/tmp") == 0)
        report("thread", "own_directory", "", open("../data/file", O_RDWR), 0);
    return unused;
}

static void callers(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, thread_main, NULL);
    pthread_join(thread, NULL);
    fflush(stdout);
    const pid_t child = vfork();
    if (child == 0) {
        report("vfork", "file", "", open("/data/file", O_RDWR), 0);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    if (chdir("/data") == 0) {
        report("chdir", "file", "", open("file", O_RDONLY), 0);
        report("chdir", "here", "", open(".", O_RDONLY), 0);
        report("chdir", "up", "", open("..", O_RDONLY), 0);
        report("chdir", "out", "", open("../own", O_RDONLY), 0);
    }
    if (chdir("/") != 0)
        exit(1);
}

static void limits(void)
{
    struct rlimit before, none = {0, 4096};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    const int there = open("/data/file", O_RDONLY), there_error = errno;
    const int absent = open("/data/none", O_RDONLY), absent_error = errno;
    const int made = open("/data/limited", O_RDWR | O_CREAT, 0600), made_error = errno;
    setrlimit(RLIMIT_NOFILE, &before);
    errno = there_error;
    report("limit", "there", "", there, 0);
    errno = absent_error;
    report("limit", "absent", "", absent, 0);
    errno = made_error;
    report("limit", "made", "", made, 0);
    report("limit", "made", "stays", open("/data/limited", O_RDONLY), 0);
}

static void directories(void)
{
    const int top = open("/data", O_RDONLY | O_DIRECTORY), ro = open("/ro", O_RDONLY | O_DIRECTORY);
    report("directory", "file", "", openat(top, "file", O_RDONLY), 0);
    report("directory", "deep", "", openat(top, "dir/deep", O_RDONLY), 0);
    report("directory", "ro_file", "", openat(ro, "file", O_RDONLY), 0);
    report("directory", "ro_write", "", openat(ro, "public", O_RDWR), 0);
    report("directory", "ro_creat", "", openat(ro, "everybody/x", O_RDWR | O_CREAT, 0600), 0);
    struct stat a, b;
    const int dir = openat(top, "dir", O_RDONLY | O_DIRECTORY);
    fstat(top, &a);
    const int up = openat(dir, "..", O_RDONLY | O_DIRECTORY);
    fstat(up, &b);
    printf("directory.up %s\n", a.st_ino == b.st_ino ? "same" : "another");
    const int out = openat(top, "..", O_RDONLY | O_DIRECTORY);
    fstat(out, &b);
    printf("directory.out %s\n", a.st_ino == b.st_ino ? "stays" : "leaves");
    char path[64];
    const int file = open("/ro/public", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    report("reopen", "ro_file", "", open(path, O_RDWR), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d/public", ro);
    report("reopen", "ro_directory", "", open(path, O_RDWR), 0);
    close(top);
    close(ro);
    close(dir);
    close(up);
    close(out);
    close(file);
}

int main(void)
{
    umask(022);
    starts[CWD] = AT_FDCWD;
    starts[ROOT] = open("/", O_PATH | O_DIRECTORY);
    starts[DATA] = open("/data", O_PATH | O_DIRECTORY);
    starts[DATA_DIR] = open("/data/dir", O_PATH | O_DIRECTORY);
    starts[TMP] = open("/tmp", O_PATH | O_DIRECTORY);
    starts[BAD] = 999;
    starts[A_FILE] = open("/own", O_PATH);
    report("o_path", "file", "", open("/data/file", O_PATH), 0);
    report("o_path", "refused", "", open("/no_path", O_PATH), 0);
    report("o_path", "refused", "rdonly", open("/no_path", O_RDONLY), 0);
    how_sizes();
    by_openat2();
    paths();
    old_calls();
    foreign_calls();
    umasks();
    as_user();
    callers();
    limits();
    directories();
    place_cases();
    all_flags();
    return 0;
}
