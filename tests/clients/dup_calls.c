// SPDX-License-Identifier: Apache-2.0
/*
 * Makes dup(), dup2() and dup3() in every way and prints what became of each, a line each, in which nothing
 * is by chance: two runs can be compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { limit = 64, file = 3, spare = 40 };

/* Whole registers, which the functions of the C library do not pass on. */
static long dup_raw(unsigned long old)
{
    return syscall(SYS_dup, old);
}

static long dup2_raw(unsigned long old, unsigned long new)
{
#ifdef SYS_dup2
    return syscall(SYS_dup2, old, new);
#else
    return (uint32_t)old == (uint32_t) new ? dup2((int)old, (int)new) : syscall(SYS_dup3, old, new, 0);
#endif
}

static long dup3_raw(unsigned long old, unsigned long new, unsigned long flags)
{
    return syscall(SYS_dup3, old, new, flags);
}

static void show(const char *what, long result)
{
    if (result < 0)
        printf("%s %s\n", what, strerrorname_np(errno));
    else
        printf("%s %ld\n", what, result);
    fflush(stdout);
}

static void show_for(const char *what, unsigned long of, long result)
{
    char name[64];
    snprintf(name, sizeof name, "%s(%#lx)", what, of);
    show(name, result);
}

/* What is at a number: the descriptor's flag, the description's flags, the kind of file. */
static void show_state(const char *what, int fd)
{
    struct stat status;
    const int flag = fcntl(fd, F_GETFD);
    if (flag < 0 || fstat(fd, &status) != 0)
        printf("%s at %d: %s\n", what, fd, strerrorname_np(errno));
    else
        printf("%s at %d: %d %#x %#o\n", what, fd, flag, fcntl(fd, F_GETFL), status.st_mode & S_IFMT);
    fflush(stdout);
}

static void set_limit(rlim_t most)
{
    const struct rlimit now = {most, limit};
    if (setrlimit(RLIMIT_NOFILE, &now) != 0)
        exit(2);
}

static void numbers(void)
{
    static const unsigned long bad[] = {spare,      limit - 1, limit,
                                        1u << 20,   INT_MAX,   (unsigned)INT_MIN,
                                        0xffffffff, ULONG_MAX, (ULONG_MAX ^ ULONG_MAX >> 1) | spare};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        show_for("dup bad", bad[i], dup_raw(bad[i]));
        show_for("dup2 bad", bad[i], dup2_raw(bad[i], spare + 1));
        show_for("dup2 bad same", bad[i], dup2_raw(bad[i], bad[i]));
        show_for("dup3 bad", bad[i], dup3_raw(bad[i], spare + 1, 0));
        show_for("dup3 bad same", bad[i], dup3_raw(bad[i], bad[i], 0));
        show_for("dup2 to", bad[i], dup2_raw(file, bad[i]));
        close((int)bad[i]);
        show_for("dup3 to", bad[i], dup3_raw(file, bad[i], O_CLOEXEC));
        close((int)bad[i]);
    }
    show("dup2 same", dup2_raw(file, file));
    show("dup3 same", dup3_raw(file, file, 0));
    show("dup2 same, with garbage above", dup2_raw(file, ULONG_MAX << 31 << 1 | file));
}

static void flags(void)
{
    for (int bit = 0; bit < (int)(CHAR_BIT * sizeof(long)); bit++) {
        show_for("dup3 flag", 1ul << bit, dup3_raw(file, spare, 1ul << bit));
        show_state("dup3 flag", spare);
        close(spare);
    }
    show("dup3 flags before numbers", dup3_raw(ULONG_MAX, ULONG_MAX, 1));
    show("dup3 of close-on-exec", dup3_raw(file, spare, O_CLOEXEC));
    show_state("dup3 of close-on-exec", spare);
    show("dup2 drops it", dup2_raw(spare, spare + 1));
    show_state("dup2 drops it", spare + 1);
    show("dup drops it", dup_raw(spare));
    show_state("dup drops it", file + 1);
    show("dup2 same keeps it", dup2_raw(spare, spare));
    show_state("dup2 same keeps it", spare);
    close_range(file + 1, ~0u, 0);
}

static void sharing(void)
{
    show("dup", dup_raw(file));
    show("dup2", dup2_raw(file, spare));
    lseek(file, 100, SEEK_SET);
    fcntl(file, F_SETFL, O_APPEND);
    show("offset of dup", lseek(file + 1, 0, SEEK_CUR));
    show("offset of dup2", lseek(spare, 0, SEEK_CUR));
    show_state("flags of dup", file + 1);
    show_state("flags of dup2", spare);
    fcntl(file, F_SETFL, 0);
    close(file + 1);
    close(spare);
}

/* The kernel closes what was at a number. */
static void replacing(void)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        exit(2);
    show("dup2 over the writing end", dup2_raw(file, (unsigned)ends[1]));
    show("then the reading end has", read(ends[0], &byte, 1));
    show_state("over the writing end", ends[1]);
    close_range(file + 1, ~0u, 0);
}

static void show_lock(const char *what)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        fcntl(file, F_GETLK, &lock);
        show(what, lock.l_type == F_UNLCK);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

/* Whoever closes a descriptor of a file gives up the process's locks on it. */
static void locks(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    show("lock", fcntl(file, F_SETLK, &lock));
    show("dup2 of a locked file", dup2_raw(file, spare));
    show_lock("unlocked by dup2:");
    close(spare);
    show_lock("unlocked by close:");
}

static void limits(void)
{
    long last = 0;
    while (last >= 0)
        show("dup until none is free", last = dup_raw(file));
    show("dup2 when none is free", dup2_raw(file, spare));
    set_limit(10);
    show("dup2 to an open one above the limit", dup2_raw(file, spare));
    show("dup3 to an open one above the limit", dup3_raw(file, spare, 0));
    show("dup2 from above the limit", dup2_raw(spare, 9));
    show("dup2 same, above the limit", dup2_raw(spare, spare));
    show("dup2 to the limit", dup2_raw(file, 10));
    close(9);
    show("dup with one free", dup_raw(spare));
    show("dup with none free", dup_raw(spare));
    show("dup bad with none free", dup_raw(limit + 1));
    set_limit(limit);
    close_range(file + 1, ~0u, 0);
}

static void kind(const char *what, int fd)
{
    if (fd < 0) {
        show(what, fd);
        return;
    }
    show_state(what, fd);
    show(what, dup_raw((unsigned)fd));
    show_state(what, fd + 1);
    show(what, dup2_raw((unsigned)fd, spare));
    show_state(what, spare);
    show(what, dup3_raw((unsigned)fd, spare, O_CLOEXEC));
    show_state(what, spare);
    close_range((unsigned)fd, ~0u, 0);
}

static void kinds(void)
{
    sigset_t none;
    sigemptyset(&none);
    kind("directory", open("/", O_RDONLY | O_DIRECTORY));
    kind("O_PATH directory", open("/", O_PATH));
    kind("O_PATH file", open("/proc/self/exe", O_PATH));
    kind("O_PATH link", open("/proc/self/exe", O_PATH | O_NOFOLLOW));
    kind("device", open("/dev/null", O_RDWR));
    kind("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    kind("event", eventfd(0, 0));
    kind("epoll", epoll_create1(0));
    kind("inotify", inotify_init1(IN_NONBLOCK));
    kind("timer", timerfd_create(CLOCK_MONOTONIC, 0));
    kind("signal", signalfd(-1, &none, 0));
    kind("process", (int)syscall(SYS_pidfd_open, getpid(), 0));
    kind("namespace", open("/proc/self/ns/uts", O_RDONLY));
}

static void *in_thread(void *own_table)
{
    if (own_table != NULL && unshare(CLONE_FILES) != 0)
        exit(2);
    show("dup2 in a thread", dup2_raw(file, spare));
    show_state("in the thread", spare);
    return NULL;
}

static void threads(void)
{
    for (int own_table = 0; own_table < 2; own_table++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, in_thread, own_table ? &thread : NULL) != 0)
            exit(2);
        pthread_join(thread, NULL);
        show_state(own_table ? "of a thread with a table of its own" : "of a thread", spare);
        close(spare);
    }
}

static void children(void)
{
    const pid_t child = fork();
    if (child == 0) {
        show("dup2 in a child", dup2_raw(file, spare));
        show_state("in the child", spare);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    show_state("of a child", spare);
}

int main(void)
{
    close_range(file, ~0u, 0);
    set_limit(limit);
    if (memfd_create("dup_calls", 0) != file)
        return 2;
    numbers();
    flags();
    sharing();
    replacing();
    locks();
    limits();
    kinds();
    threads();
    children();
    return 0;
}
