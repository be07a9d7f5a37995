// SPDX-License-Identifier: Apache-2.0
// Makes calls that podman's profile denies, and some that it allows, and prints the errno of each, 0 for
// success. The wrong arguments keep those that are allowed from doing anything.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long returned)
{
    printf("%s=%d\n", name, returned < 0 ? errno : 0);
}

static void *nothing(void *unused)
{
    return unused;
}

int main(void)
{
    say("swapon", syscall(SYS_swapon, 0L, -1L));
    say("kexec_load", syscall(SYS_kexec_load, 0L, 0L, 0L, -1L));
    say("add_key", syscall(SYS_add_key, 0L, 0L, 0L, 0L, 0L));
    say("personality_8", syscall(SYS_personality, 8L));
    say("personality_9", syscall(SYS_personality, 9L));
    say("personality_9_upper", syscall(SYS_personality, 1L << 40 | 9));
    say("socket_audit", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 9));
    say("socket_unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
    say("cachestat", syscall(451L, -1L, 0L, 0L, 0L));
    say("newest", syscall(500L));
    say("mount", syscall(SYS_mount, 0L, 0L, 0L, 0L, 0L));

    pthread_t thread;
    errno = pthread_create(&thread, NULL, nothing, NULL);
    say("thread", errno == 0 ? pthread_join(thread, NULL) : -1);
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    say("fork", child < 0 || waitpid(child, NULL, 0) < 0 ? -1 : 0);
    return 0;
}
