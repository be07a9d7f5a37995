// SPDX-License-Identifier: Apache-2.0
/*
 * Opens through a rule for /run/data again and again, while threads change the path: its text in memory, a
 * directory of the container that becomes a link, a directory of the granted tree that becomes a link out of
 * it or moves away, files that become directories, and mounts that change places. Prints how many opens there
 * were, and how many of them showed what lies beside the granted tree.
 *
 *   open_race ATTEMPTS OUTSIDE
 *
 * OUTSIDE is the host's path of a directory with "file" in it, which says SECRET.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int ending;
static char moving_path[64] = "/run/data/file";
static int tree; /* the granted directory itself */

static void *change_text(void *unused)
{
    static const char *const texts[] = {"/run/data/file", "/run/data/../../secret/file", "/etc/passwd",
                                        "/run/data/sub/../../secret/file"};
    for (unsigned i = 0; !ending; i++)
        strcpy(moving_path, texts[i % 4]);
    return unused;
}

/* /run/way is a directory and a link, in turn. */
static void *change_way(void *unused)
{
    symlink("data", "/run/way-link");
    symlink("/", "/run/way-root");
    while (!ending) {
        syscall(SYS_renameat2, AT_FDCWD, "/run/way-link", AT_FDCWD, "/run/way", 2 /* RENAME_EXCHANGE */);
        syscall(SYS_renameat2, AT_FDCWD, "/run/way-root", AT_FDCWD, "/run/way", 2);
    }
    return unused;
}

/* In the granted tree: sub is a directory, a link out by dot-dots, a link out by an absolute path, a file. */
static void *change_tree(void *outside)
{
    symlinkat("../secret", tree, "up");
    symlinkat(outside, tree, "away");
    close(openat(tree, "plain", O_WRONLY | O_CREAT, 0666));
    while (!ending) {
        syscall(SYS_renameat2, tree, "up", tree, "sub", 2);
        syscall(SYS_renameat2, tree, "away", tree, "sub", 2);
        syscall(SYS_renameat2, tree, "plain", tree, "sub", 2);
    }
    return NULL;
}

/* sub/deep moves up and back, so that a walk in it finds its dot-dot elsewhere. */
static void *move_directory(void *unused)
{
    mkdirat(tree, "home", 0777);
    mkdirat(tree, "home/one", 0777);
    mkdirat(tree, "home/one/two", 0777);
    while (!ending) {
        renameat(tree, "home/one/two", tree, "two");
        renameat(tree, "two", tree, "home/one/two");
    }
    return unused;
}

/* Below /run/m the container's root and its /run change places, as mounts. */
static void *change_mounts(void *unused)
{
    static const char *const moves[][2] = {
        {"/run/m/p", "/run/m/r"}, {"/run/m/q", "/run/m/p"}, {"/run/m/r", "/run/m/q"}};
    for (unsigned i = 0; !ending; i++)
        if (mount(moves[i % 3][0], moves[i % 3][1], NULL, MS_MOVE, NULL) != 0)
            exit(4);
    return unused;
}

static int prepare_mounts(void)
{
    return mkdir("/run/m", 0777) | mkdir("/run/m/p", 0777) | mkdir("/run/m/q", 0777) |
           mkdir("/run/m/r", 0777) | mount("/run", "/run/m/p", NULL, MS_BIND | MS_REC, NULL) |
           mount("/", "/run/m/q", NULL, MS_BIND | MS_REC, NULL);
}

static unsigned opened, refused, leaked;

static void look(int fd)
{
    char text[7] = "";
    if (fd < 0) {
        refused++;
        return;
    }
    opened++;
    struct stat st;
    fstat(fd, &st);
    if (S_ISDIR(st.st_mode)) {
        /* What is beside the tree must not be reached from what is in it. */
        static const char *const ways[] = {"../secret/file", "../../secret/file", "secret/file"};
        for (unsigned i = 0; i < 3; i++) {
            const int beyond = openat(fd, ways[i], O_RDONLY | O_NONBLOCK);
            if (beyond >= 0) {
                leaked++;
                close(beyond);
            }
        }
    } else if (pread(fd, text, 6, 0) == 6 && strcmp(text, "SECRET") == 0) {
        leaked++;
    }
    close(fd);
}

int main(int argc, char **argv)
{
    static const char *const paths[] = {"/run/way/file",
                                        "/run/way/run/data/file",
                                        "/run/data/sub",
                                        "/run/data/sub/file",
                                        "/run/data/sub/../../secret/file",
                                        "/run/data/home/one/two/../../../../secret/file",
                                        "/run/data/home/one/two/../../file",
                                        "/run/data/home/one/two",
                                        "/run/m/p/data/file",
                                        "/run/m/p/../q/run/data/sub/../../secret/file",
                                        moving_path};
    if (argc != 3)
        return 2;
    tree = open("/run/data", O_RDONLY | O_DIRECTORY);
    if (tree < 0 || mkdir("/run/way", 0777) != 0 || mkdirat(tree, "sub", 0777) != 0 || prepare_mounts() != 0)
        return 3;
    void *(*const changes[])(void *) = {change_text, change_way, change_tree, move_directory, change_mounts};
    pthread_t threads[5];
    for (unsigned i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, changes[i], argv[2]);
    const unsigned attempts = (unsigned)atoi(argv[1]);
    for (unsigned i = 0; i < attempts; i++) {
        const int flags[] = {O_RDONLY | O_NONBLOCK, O_RDWR | O_CREAT, O_RDONLY | O_DIRECTORY};
        look(open(paths[i % 11], flags[i / 11 % 3], 0666));
    }
    ending = 1;
    for (unsigned i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    printf("attempts %u\nopened %u\nrefused %u\nleaked %u\n", attempts, opened, refused, leaked);
    return 0;
}
