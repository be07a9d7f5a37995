// SPDX-License-Identifier: Apache-2.0
/*
 * Callers that are signalled or killed at random moments of a load and an attach. Each round is a child
 * that loads, attaches, detaches and closes until it ends; no more than "loads" loads in all.
 *
 *   interrupted CGROUP LOADS kill|signal|restart
 *
 * "kill" ends the children with SIGKILL; "signal" sends a caught signal without SA_RESTART, so that
 * EINTR may be seen; "restart" one with it.
 */
#include "bpf_call.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct tally {
    int loads, limit, failed, interrupted, leaked;
};
static struct tally *tally;

static void ignore(int number)
{
    (void)number;
}

static int count_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void note(long result)
{
    if (result >= 0)
        return;
    if (errno == EINTR)
        __atomic_add_fetch(&tally->interrupted, 1, __ATOMIC_RELAXED);
    else {
        fprintf(stderr, "interrupted: %s\n", strerrorname_np(errno));
        __atomic_add_fetch(&tally->failed, 1, __ATOMIC_RELAXED);
    }
}

static void child(int cgroup, int rounds)
{
    const int before = count_fds();
    for (int i = 0; i < rounds; i++) {
        if (__atomic_add_fetch(&tally->loads, 1, __ATOMIC_RELAXED) > tally->limit)
            break;
        const int program = load_constant(1);
        note(program);
        if (program < 0)
            continue;
        const int attached = attach_program(cgroup, program, BPF_F_ALLOW_MULTI, 0);
        note(attached);
        long detached = detach_program(cgroup, program);
        while (detached < 0 && errno == EINTR)
            detached = detach_program(cgroup, program);
        if (attached == 0)
            note(detached);
        close(program);
    }
    if (count_fds() != before)
        __atomic_add_fetch(&tally->leaked, 1, __ATOMIC_RELAXED);
    _exit(0);
}

/** @return whether the child has ended. */
static int ended(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == pid;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int killing = strcmp(argv[3], "kill") == 0;
    tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tally->limit = atoi(argv[2]);
    struct sigaction action = {.sa_handler = ignore,
                               .sa_flags = strcmp(argv[3], "restart") == 0 ? SA_RESTART : 0};
    sigaction(SIGUSR1, &action, NULL);
    srandom(1);
    int killed = 0;
    while (__atomic_load_n(&tally->loads, __ATOMIC_RELAXED) < tally->limit) {
        const pid_t pid = fork();
        if (pid == 0)
            child(cgroup, killing ? 8 : 50);
        if (killing) {
            usleep((useconds_t)(random() % 12000));
            kill(pid, SIGKILL);
            killed++;
            waitpid(pid, NULL, 0);
        } else {
            while (!ended(pid)) {
                kill(pid, SIGUSR1);
                usleep((useconds_t)(random() % 300));
            }
        }
    }
    printf("loads %d\nfailed %d\nleaked %d\n", tally->loads, tally->failed, tally->leaked);
    printf("killed %d\ninterrupted %d\n", killed, tally->interrupted);
    const int program = load_constant(1);
    printf("afterwards %s\n", outcome(program));
    return 0;
}
