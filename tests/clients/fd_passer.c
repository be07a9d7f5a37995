// SPDX-License-Identifier: Apache-2.0
/*
 * Passes the descriptor of a program that it loaded through a Unix socket, and attaches the program itself
 * when the other side has answered with a byte; or takes one and tries to use it.
 *
 *   fd_passer give|take SOCKET CGROUP
 */
#include "bpf_call.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int reach(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strncpy(name.sun_path, path, sizeof(name.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
        return -1;
    return fd;
}

static long pass(int channel, int fd)
{
    char byte = 'f';
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return sendmsg(channel, &message, 0);
}

static int take(int channel)
{
    char byte;
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

static void give_own(int channel, int cgroup)
{
    char byte;
    const int program = load_rule(1, 5, 0);
    printf("load %s\n", outcome(program));
    printf("pass %s\n", outcome(pass(channel, program)));
    fflush(stdout);
    if (read(channel, &byte, 1) != 1)
        exit(1);
    printf("attach %s\n", outcome(attach_program(cgroup, program, BPF_F_ALLOW_MULTI, 0)));
    printf("query %d\n", query_programs(cgroup, NULL, 0));
}

static void use_foreign(int channel, int cgroup)
{
    const int foreign = take(channel);
    printf("take %s\n", outcome(foreign));
    const int own = load_constant(1);
    printf("load %s\n", outcome(own));
    printf("foreign.attach %s\n", outcome(attach_program(cgroup, foreign, BPF_F_ALLOW_MULTI, 0)));
    printf("foreign.info %s\n", outcome(program_id(foreign) == 0 ? -1 : 0));
    printf("foreign.link %s\n", outcome(create_link(cgroup, foreign)));
    printf("own.attach %s\n", outcome(attach_program(cgroup, own, BPF_F_ALLOW_MULTI, 0)));
    printf("foreign.replaced %s\n",
           outcome(attach_program(cgroup, own, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, foreign)));
    printf("foreign.replace %s\n",
           outcome(attach_program(cgroup, foreign, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, own)));
    printf("foreign.detach %s\n", outcome(detach_program(cgroup, foreign)));
    printf("query %d\n", query_programs(cgroup, NULL, 0));
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const int channel = reach(argv[2]);
    printf("connect %s\n", outcome(channel));
    printf("cgroup %s\n", outcome(mkdir(argv[3], 0755)));
    const int cgroup = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (strcmp(argv[1], "give") == 0)
        give_own(channel, cgroup);
    else
        use_foreign(channel, cgroup);
    return 0;
}
