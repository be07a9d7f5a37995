// SPDX-License-Identifier: Apache-2.0
/* Which task calls: threads, children that share what callers usually have of their own, other tables. */
#include "cases.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void *plain_thread(void *name)
{
    attempt_null(name, AT_FDCWD, "d/n");
    return NULL;
}

static void *thread_with_own_directory(void *unused)
{
    must(unshare(CLONE_FS), "unshare");
    must(chdir("d/sub"), "chdir");
    umask(077);
    attempt_null("thread.own_directory", AT_FDCWD, "n");
    attempt_null("thread.own_directory.up", AT_FDCWD, "../../n");
    return unused;
}

static void *thread_with_own_descriptors(void *unused)
{
    must(unshare(CLONE_FILES), "unshare");
    const int fd = open("d", O_PATH | O_CLOEXEC);
    attempt_null("thread.own_descriptors", fd, "n");
    close(fd);
    attempt_null("thread.own_descriptors.closed", fd, "n");
    return unused;
}

static void *thread_with_own_ids(void *unused)
{
    must(syscall(SYS_setresuid, 1000, 1000, 1000), "setresuid"); // this thread alone
    attempt_null("thread.own_ids", AT_FDCWD, "ids/own/n");
    attempt_null("thread.own_ids.roots", AT_FDCWD, "ids/roots/n");
    return unused;
}

static void run(void *(*start)(void *), void *argument)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, start, argument);
    must(errno == 0 ? 0 : -1, "thread");
    pthread_join(thread, NULL);
}

static void threads(void)
{
    run(plain_thread, "thread.plain");
    run(thread_with_own_directory, NULL);
    run(thread_with_own_descriptors, NULL);
    run(thread_with_own_ids, NULL);
    attempt_null("thread.leader_after", AT_FDCWD, "ids/roots/n");
}

static void *survivor(void *leader)
{
    pthread_join(*(pthread_t *)leader, NULL);
    attempt_null("thread.leader_gone", AT_FDCWD, "n");
    attempt_null("thread.leader_gone.deep", AT_FDCWD, "d/sub/n");
    exit(0);
}

static void leader_ends(void)
{
    static pthread_t leader;
    pthread_t thread;
    leader = pthread_self();
    errno = pthread_create(&thread, NULL, survivor, &leader);
    must(errno == 0 ? 0 : -1, "thread");
    pthread_exit(NULL);
}

static void vfork_child(void)
{
    const pid_t pid = vfork();
    must(pid, "vfork");
    if (pid == 0) {
        attempt_null("vfork.plain", AT_FDCWD, "n");
        attempt_null("vfork.exists", AT_FDCWD, "file");
        _exit(0);
    }
    must(waitpid(pid, NULL, 0), "wait");
}

static int shares_everything(void *unused)
{
    (void)unused;
    attempt_null("clone.shared", AT_FDCWD, "n");
    must(chdir("d"), "chdir");
    return 0;
}

static void clone_child(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    const int flags = CLONE_FS | CLONE_FILES | CLONE_VM | SIGCHLD;
    const pid_t pid = clone(shares_everything, stack + sizeof(stack), flags, NULL);
    must(pid, "clone");
    must(waitpid(pid, NULL, 0), "wait");
    attempt_null("clone.directory_of_the_child", AT_FDCWD, "sub/n");
}

static void namespaces(void)
{
    must(unshare(CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS), "unshare");
    attempt_null("namespaces.parent", AT_FDCWD, "n");
    const pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        attempt_null("namespaces.pid_1", AT_FDCWD, "n");
        exit(0);
    }
    must(waitpid(pid, NULL, 0), "wait");
}

#ifdef __x86_64__
static long i386_call(unsigned number, unsigned a, const char *b, unsigned c, unsigned d)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
                     : "memory", "r8", "r9", "r10", "r11");
    errno = result < 0 ? (int)-result : errno;
    return result < 0 ? -1 : result;
}

/** Calls by the 32-bit numbers: mknod() is 14, mknodat() 297. */
static void i386_calls(void)
{
    char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    must(low == MAP_FAILED ? -1 : 0, "mmap");
    strcpy(low, "n");
    report("i386.mknodat", i386_call(297, (unsigned)AT_FDCWD, low, S_IFCHR | 0666, null_device), AT_FDCWD,
           "n");
    report("i386.mknodat.bad_dirfd", i386_call(297, 9999, low, S_IFCHR | 0666, null_device), AT_FDCWD, "n");
    report("i386.mknodat.not_listed", i386_call(297, (unsigned)AT_FDCWD, low, S_IFCHR | 0666, 0x101),
           AT_FDCWD, "n");
    report("i386.mknod",
           i386_call(14, (unsigned)(uintptr_t)low, (const char *)(uintptr_t)(S_IFCHR | 0666), zero_device, 0),
           AT_FDCWD, "n");
    strcpy(low, "file");
    report("i386.mknodat.exists", i386_call(297, (unsigned)AT_FDCWD, low, S_IFCHR | 0666, null_device),
           AT_FDCWD, "file");
    munmap(low, 4096);
}
#endif

void task_cases(void)
{
    threads();
    in_child(leader_ends);
    in_child(vfork_child);
    in_child(clone_child);
    in_child(namespaces);
#ifdef __x86_64__
    i386_calls();
#endif
}
