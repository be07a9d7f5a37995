// SPDX-License-Identifier: Apache-2.0
/*
 * Opens a FIFO for reading, with handlers for SIGUSR1 (and SA_RESTART for SIGUSR2), and prints what came of
 * it.
 *
 *   open_wait PATH
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void handle(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = handle};
    if (argc != 2)
        return 2;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    signal(SIGHUP, SIG_IGN);
    printf("pid %d\n", (int)getpid());
    fflush(stdout);
    const int fd = open(argv[1], O_RDONLY);
    printf("open %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}
