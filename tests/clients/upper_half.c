// SPDX-License-Identifier: Apache-2.0
/*
 * bpf(int cmd, union bpf_attr *attr, unsigned int size) with garbage in the upper halves of the two
 * 32-bit arguments, which the kernel does not look at.
 *
 *   upper_half CGROUP
 */
#include "bpf_call.h"

#include <fcntl.h>

static long raw(uint64_t cmd, const void *attr, uint64_t size)
{
    if ((uint32_t)cmd == BPF_PROG_LOAD)
        pace();
    register long result __asm__("rax") = __NR_bpf;
    register uint64_t first __asm__("rdi") = cmd;
    register const void *second __asm__("rsi") = attr;
    register uint64_t third __asm__("rdx") = size;
    __asm__ volatile("syscall" : "+r"(result) : "r"(first), "r"(second), "r"(third) : "rcx", "r11", "memory");
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

int main(int argc, char **argv)
{
    static const uint64_t garbage[] = {0, 1ull << 32, 0xffffffffull << 32, 0x5a5a5a5aull << 32, 1ull << 63};
    if (argc != 2)
        return 2;
    const int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(garbage); i++) {
        const uint64_t upper = garbage[i];
        const struct bpf_insn insns[] = {MOV_IMM(0, 1), EXIT};
        union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                               .insn_cnt = COUNT(insns),
                               .insns = address(insns),
                               .license = address("GPL")};
        const long program = raw(upper | BPF_PROG_LOAD, &load, upper | 120);
        printf("load.%zu %s\n", i, outcome(program));
        union bpf_attr attach = {.target_fd = (uint32_t)cgroup,
                                 .attach_bpf_fd = (uint32_t)program,
                                 .attach_type = BPF_CGROUP_DEVICE,
                                 .attach_flags = BPF_F_ALLOW_MULTI};
        printf("attach.%zu %s\n", i, outcome(raw(upper | BPF_PROG_ATTACH, &attach, upper | 20)));
        union bpf_attr query = {.query = {.target_fd = (uint32_t)cgroup, .attach_type = BPF_CGROUP_DEVICE}};
        printf("query.%zu %s\n", i, outcome(raw(upper | BPF_PROG_QUERY, &query, upper | 32)));
        printf("programs.%zu %u\n", i, query.query.prog_cnt);
        printf("detach.%zu %s\n", i, outcome(raw(upper | BPF_PROG_DETACH, &attach, upper | 12)));
        union bpf_attr link = {.link_create = {.prog_fd = (uint32_t)program,
                                               .target_fd = (uint32_t)cgroup,
                                               .attach_type = BPF_CGROUP_DEVICE}};
        printf("link.%zu %s\n", i, outcome(raw(upper | BPF_LINK_CREATE, &link, upper | 16)));
        close((int)program);
    }
    return 0;
}
