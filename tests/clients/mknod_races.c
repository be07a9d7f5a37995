// SPDX-License-Identifier: Apache-2.0
/*
 * A caller that may make devices but write nowhere else, in a chroot, while other threads change what its
 * path means: components are exchanged for links that lead out, parents renamed, the path rewritten in
 * memory; and a process that may do so moves mounts to and fro.
 *
 *   mknod_races DIRECTORY ATTEMPTS CANARY
 *
 * CANARY is an absolute path that exists for the host alone. Prints how many nodes were made where the caller
 * may write, and how many elsewhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** Where the caller may write, by whatever names: opened before they begin to change. */
static int directories[6];

static int ended;
static char path[64] = "a/b/x/n";

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "mknod_races: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void make_directory(const char *name, unsigned mode, unsigned uid)
{
    must(mkdir(name, 0700), name);
    must(chown(name, uid, uid), name);
    must(chmod(name, mode), name);
}

static void exchange(const char *one, const char *other)
{
    syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

/** The directory of the node is a directory, then a link to somewhere else. */
static void *swap_component(void *links)
{
    const char *const *names = links;
    for (unsigned i = 0; !__atomic_load_n(&ended, __ATOMIC_RELAXED); i++) {
        const char *link = names[i % 4];
        exchange("a/b/x", link);
        sched_yield();
        exchange("a/b/x", link);
    }
    return NULL;
}

static void *rename_parents(void *unused)
{
    while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
        exchange("a/b", "c");
        sched_yield();
        exchange("a/b", "c");
    }
    return unused;
}

static void *rewrite_path(void *unused)
{
    static const char *const paths[] = {"a/b/x/n",       "/theirs/n", "../../outside/n",
                                        "a/../theirs/n", "m/p/n",     "m/p/../q/n"};
    for (unsigned i = 0; !__atomic_load_n(&ended, __ATOMIC_RELAXED); i++) {
        const char *next = paths[i % COUNT(paths)];
        memcpy(path, next, strlen(next) + 1);
        sched_yield();
        memcpy(path, paths[0], strlen(paths[0]) + 1);
    }
    return unused;
}

/** uid 1000 with CAP_MKNOD: makes devices wherever permissions let it. */
static void become_maker(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    must(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS), "securebits");
    must(setgroups(0, NULL), "setgroups");
    must(setresgid(1000, 1000, 1000), "setresgid");
    must(setresuid(1000, 1000, 1000), "setresuid");
    data[0].effective = data[0].permitted = 1U << CAP_MKNOD;
    must(syscall(SYS_capset, &header, data), "capset");
}

static void attempt(int attempts)
{
    int made = 0;
    for (int i = 0; i < attempts; i++) {
        if (syscall(SYS_mknodat, AT_FDCWD, path, S_IFCHR | 0666, 0x103) != 0)
            continue;
        made++;
        for (size_t d = 0; d < COUNT(directories); d++)
            unlinkat(directories[d], "n", 0);
    }
    printf("made %d\n", made);
}

static void in_jail(const char *canary, int attempts)
{
    static const char *links[] = {"a/up", "a/absolute", "a/canary", "a/beside"};
    must(chroot("jail"), "chroot");
    must(chdir("/"), "chdir");
    become_maker();
    must(symlink("../../../../outside", links[0]), links[0]);
    must(symlink("/theirs", links[1]), links[1]);
    must(symlink(canary, links[2]), links[2]);
    must(symlink("../../theirs", links[3]), links[3]);
    static const char *const own[] = {"a", "a/b", "a/b/x", "c", "c/x", "own"};
    for (size_t d = 0; d < COUNT(own); d++)
        directories[d] = open(own[d], O_PATH | O_CLOEXEC);
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, swap_component, links);
    pthread_create(&threads[1], NULL, rename_parents, NULL);
    pthread_create(&threads[2], NULL, rewrite_path, NULL);
    attempt(attempts);
    __atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    // By now nothing moves: one that must succeed.
    memcpy(path, "a/n", 4);
    printf("in_peace %s\n",
           syscall(SYS_mknodat, AT_FDCWD, path, S_IFCHR | 0666, 0x103) == 0 ? "ok" : strerrorname_np(errno));
    fflush(stdout);
    _exit(0);
}

/** A directory of the caller's and one that is not change places, as mounts. */
static void exchange_mounts(void)
{
    static const char *const moves[][2] = {{"p", "r"}, {"q", "p"}, {"r", "q"}};
    must(mount("jail/own", "jail/m/p", NULL, MS_BIND, NULL), "bind");
    must(mount("jail/theirs", "jail/m/q", NULL, MS_BIND, NULL), "bind");
    must(chdir("jail/m"), "chdir");
    for (unsigned i = 0;; i++) {
        const char *const *move = moves[i % 3];
        must(mount(move[0], move[1], NULL, MS_MOVE, NULL), "move");
    }
}

static pid_t start_exchange(void)
{
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
    const pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0)
        exchange_mounts();
    return pid;
}

static int entries(const char *name)
{
    int count = 0;
    DIR *directory = opendir(name);
    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count - 2;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    must(chdir(argv[1]), argv[1]);
    make_directory("outside", 0777, 0);
    make_directory("jail", 0755, 1000);
    make_directory("jail/theirs", 0755, 0);
    make_directory("jail/a", 0755, 1000);
    make_directory("jail/a/b", 0755, 1000);
    make_directory("jail/a/b/x", 0755, 1000);
    make_directory("jail/c", 0755, 1000);
    make_directory("jail/c/x", 0755, 1000);
    make_directory("jail/own", 0755, 1000);
    make_directory("jail/m", 0755, 0);
    make_directory("jail/m/p", 0755, 0);
    make_directory("jail/m/q", 0755, 0);
    make_directory("jail/m/r", 0755, 0);
    const pid_t mover = start_exchange();
    const pid_t pid = fork();
    if (pid == 0)
        in_jail(argv[3], atoi(argv[2]));
    int status = 0;
    must(waitpid(pid, &status, 0), "wait");
    must(waitpid(mover, NULL, WNOHANG) == 0 ? 0 : -1, "the exchange of mounts has ended");
    must(kill(mover, SIGKILL), "kill");
    must(waitpid(mover, NULL, 0), "wait");
    printf("status %d\noutside %d\ntheirs %d\n", status, entries("outside"), entries("jail/theirs"));
    return 0;
}
