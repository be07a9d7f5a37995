// SPDX-License-Identifier: Apache-2.0
/*
 * Carries out the actions named by its arguments, one after the other, in a thread that is not the
 * leader, and prints "ACTION RESULT" for each: "ok", a value, or an errno's name.
 *
 *   cgroup=PATH       makes the directory if it is missing; later actions act on it
 *   enter             moves this process into the cgroup
 *   load=VERDICT      loads "allow" or "deny" (every device), "deny:MAJOR:MINOR" or "allow:MAJOR:MINOR" (one
 *                     character device, the others the opposite); programs are numbered from 0
 *   attach=P,FLAGS    attaches program P
 *   replace=P,OLD     attaches P in the place of OLD
 *   detach=P          detaches; P may be a descriptor that is none (-1)
 *   link=P            makes a link
 *   query             prints how many programs there are
 *   by_id=ID          fetches a program; becomes the next number
 *   next_id=ID        BPF_PROG_GET_NEXT_ID
 *   fetch=N           fetches the Nth program that a query names
 *   id=P              prints the id of a program
 *   close=P
 *   command=N,P       bpf() with the command N and an attribute that begins with program P, or nothing else
 *   deeper            goes on in a new user namespace, as its root
 *   become=UID        a user without capabilities
 *   open=PATH         opens for reading and writing
 *   read=PATH         opens for reading
 *   count_fds         how many descriptors this process has
 *   say=TEXT          prints TEXT
 *   wait              reads a line from standard input
 */
#include "bpf_call.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { programs_max = 128 };
static int programs[programs_max];
static int program_count;
static int cgroup = -1;

static int number(const char *text)
{
    return (int)strtol(text, NULL, 0);
}

static int program(const char *text)
{
    const int n = number(text);
    return n >= 0 && n < program_count ? programs[n] : n;
}

static int keep(int fd)
{
    if (program_count < programs_max)
        programs[program_count++] = fd;
    return fd;
}

static int load(const char *rule)
{
    unsigned major = 0, minor = 0;
    const int verdict = strncmp(rule, "allow", 5) == 0;
    if (sscanf(rule, "%*[a-z]:%u:%u", &major, &minor) == 2)
        return keep(load_rule(major, minor, verdict));
    return keep(load_constant(verdict));
}

static int choose_cgroup(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return -1;
    cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return cgroup;
}

static int enter(void)
{
    const int file = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const int result = write(file, "0", 1) == 1 ? 0 : -1;
    const int saved = errno;
    close(file);
    errno = saved;
    return result;
}

static int try_open(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        close(fd);
    return fd;
}

static int count_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = -3; // ".", ".." and the directory itself
    while (directory != NULL && readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int fetch(int which)
{
    uint32_t ids[programs_max];
    const int count = query_programs(cgroup, ids, programs_max);
    if (count < 0)
        return -1;
    if (which >= count) {
        errno = ENOENT;
        return -1;
    }
    return keep(program_by_id(ids[which]));
}

static int next_id(uint32_t start)
{
    union bpf_attr attr = {.start_id = start};
    return (int)bpf_call(BPF_PROG_GET_NEXT_ID, &attr, 12);
}

static int other_command(int command, int fd)
{
    union {
        union bpf_attr attr;
        uint32_t first;
    } all;
    memset(&all, 0, sizeof(all));
    all.first = (uint32_t)fd;
    return (int)bpf_call(command, &all, sizeof(all));
}

/** A process with threads cannot change its user namespace: a child goes on, and this one ends as it does. */
static int go_deeper(void)
{
    const pid_t child = fork();
    if (child > 0) {
        int status = 0;
        waitpid(child, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    const int map_file =
        child == 0 && unshare(CLONE_NEWUSER) == 0 ? open("/proc/self/uid_map", O_WRONLY) : -1;
    return map_file >= 0 && write(map_file, "0 0 1", 5) == 5 ? 0 : -1;
}

static int read_line(void)
{
    char c = 0;
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        ;
    return 0;
}

/** @return a value to print, or -1 for "ok" or the errno, after result. */
static long act(const char *verb, const char *value, long *result)
{
    const char *second = strchr(value, ',');
    second = second == NULL ? "0" : second + 1;
    *result = 0;
    if (strcmp(verb, "cgroup") == 0)
        *result = choose_cgroup(value);
    else if (strcmp(verb, "enter") == 0)
        *result = enter();
    else if (strcmp(verb, "load") == 0)
        *result = load(value);
    else if (strcmp(verb, "attach") == 0)
        *result = attach_program(cgroup, program(value), (unsigned)number(second), 0);
    else if (strcmp(verb, "replace") == 0)
        *result = attach_program(cgroup, program(value), BPF_F_ALLOW_MULTI | BPF_F_REPLACE, program(second));
    else if (strcmp(verb, "detach") == 0)
        *result = detach_program(cgroup, program(value));
    else if (strcmp(verb, "link") == 0)
        *result = create_link(cgroup, program(value));
    else if (strcmp(verb, "query") == 0)
        return *result = query_programs(cgroup, NULL, 0);
    else if (strcmp(verb, "by_id") == 0)
        *result = keep(program_by_id((uint32_t)number(value)));
    else if (strcmp(verb, "next_id") == 0)
        *result = next_id((uint32_t)number(value));
    else if (strcmp(verb, "fetch") == 0)
        *result = fetch(number(value));
    else if (strcmp(verb, "id") == 0)
        return (*result = program_id(program(value))) != 0 ? *result : (*result = -1);
    else if (strcmp(verb, "close") == 0)
        *result = close(program(value));
    else if (strcmp(verb, "open") == 0)
        *result = try_open(value, O_RDWR);
    else if (strcmp(verb, "read") == 0)
        *result = try_open(value, O_RDONLY);
    else if (strcmp(verb, "command") == 0)
        *result = other_command(number(value), program(second));
    else if (strcmp(verb, "deeper") == 0)
        *result = go_deeper();
    else if (strcmp(verb, "become") == 0)
        *result = setresuid((uid_t)number(value), (uid_t)number(value), (uid_t)number(value));
    else if (strcmp(verb, "count_fds") == 0)
        return *result = count_fds();
    else if (strcmp(verb, "wait") == 0)
        *result = read_line();
    else if (strcmp(verb, "say") != 0) {
        fprintf(stderr, "device_client: no action \"%s\"\n", verb);
        exit(2);
    }
    return -1;
}

static void *run(void *actions)
{
    for (char **action = actions; *action != NULL; action++) {
        char verb[32] = "";
        const char *equals = strchr(*action, '=');
        const size_t length = equals == NULL ? strlen(*action) : (size_t)(equals - *action);
        snprintf(verb, sizeof(verb), "%.*s", (int)length, *action);
        long result = 0;
        const long value = act(verb, equals == NULL ? "" : equals + 1, &result);
        if (value >= 0)
            printf("%s %ld\n", *action, value);
        else
            printf("%s %s\n", *action, outcome(result));
        fflush(stdout);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argv + 1) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
