// SPDX-License-Identifier: Apache-2.0
/*
 * Denies one character device in a cgroup with libbpf's functions, from a thread that is not the leader,
 * enters the cgroup and says whether it can open a device.
 *
 *   libbpf_client CGROUP MAJOR MINOR DEVICE
 */
#include "bpf_call.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <pthread.h>

static void check(const char *step, int result)
{
    if (result < 0)
        errno = -result; // libbpf's way
    printf("%s %s\n", step, outcome(result));
    fflush(stdout);
}

static void *run(void *arguments)
{
    char **argv = arguments;
    struct bpf_insn insns[16];
    unsigned count = rule(insns, (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), 0);
    insns[count++] = MOV_IMM(0, 1);
    insns[count++] = EXIT;
    const int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "deny_one", "GPL", insns, count, NULL);
    check("load", program);
    check("attach", bpf_prog_attach(program, cgroup, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI));
    __u32 ids[4], id_count = COUNT(ids), flags;
    check("query", bpf_prog_query(cgroup, BPF_CGROUP_DEVICE, 0, &flags, ids, &id_count));
    printf("programs %u\n", id_count);
    struct bpf_prog_info info = {0};
    __u32 size = sizeof(info);
    check("info", bpf_obj_get_info_by_fd(program, &info, &size));
    const int procs = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    check("enter", write(procs, "0", 1) == 1 ? 0 : -errno);
    const int device = open(argv[4], O_RDONLY | O_CLOEXEC);
    check("open", device < 0 ? -errno : 0);
    check("detach", bpf_prog_detach2(program, cgroup, BPF_CGROUP_DEVICE));
    const int again = open(argv[4], O_RDONLY | O_CLOEXEC);
    check("open", again < 0 ? -errno : 0);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argv) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
