// SPDX-License-Identifier: Apache-2.0
/*
 * bpf() by the two other ways into an x86-64 kernel: the 32-bit one and x32's numbers.
 *
 *   foreign_arch CGROUP
 */
#include "bpf_call.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { i386_bpf = 357, x32_bit = 0x40000000 };

static long answer(long result)
{
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static long call_i386(int cmd, const void *attr, unsigned size)
{
    if (cmd == BPF_PROG_LOAD)
        pace();
    int result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "0"(i386_bpf), "b"(cmd), "c"((uint32_t)(uintptr_t)attr), "d"(size)
                     : "r8", "r9", "r10", "r11", "memory");
    return answer(result);
}

static long call_x32(int cmd, const void *attr, unsigned size)
{
    if (cmd == BPF_PROG_LOAD)
        pace();
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)__NR_bpf | x32_bit), "D"((long)cmd), "S"(attr), "d"((long)size)
                     : "rcx", "r11", "memory");
    return answer(result);
}

/** Memory that a 32-bit pointer reaches. */
static void *low(size_t size)
{
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (place == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return place;
}

static void all(const char *arch, long (*call)(int, const void *, unsigned), int cgroup)
{
    struct {
        union bpf_attr attr;
        struct bpf_insn insns[2];
        char license[4];
        uint32_t ids[4];
    } *m = low(sizeof(*m));
    m->insns[0] = MOV_IMM(0, 1);
    m->insns[1] = EXIT;
    memcpy(m->license, "GPL", 4);
    m->attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    m->attr.insn_cnt = 2;
    m->attr.insns = address(m->insns);
    m->attr.license = address(m->license);
    const long program = call(BPF_PROG_LOAD, &m->attr, 120);
    printf("%s.load %s\n", arch, outcome(program));
    memset(&m->attr, 0, sizeof(m->attr));
    m->attr.target_fd = (uint32_t)cgroup;
    m->attr.attach_bpf_fd = (uint32_t)program;
    m->attr.attach_type = BPF_CGROUP_DEVICE;
    m->attr.attach_flags = BPF_F_ALLOW_MULTI;
    printf("%s.attach %s\n", arch, outcome(call(BPF_PROG_ATTACH, &m->attr, 20)));
    memset(&m->attr, 0, sizeof(m->attr));
    m->attr.query.target_fd = (uint32_t)cgroup;
    m->attr.query.attach_type = BPF_CGROUP_DEVICE;
    m->attr.query.prog_ids = address(m->ids);
    m->attr.query.prog_cnt = COUNT(m->ids);
    printf("%s.query %s\n", arch, outcome(call(BPF_PROG_QUERY, &m->attr, 64)));
    printf("%s.programs %u\n", arch, m->attr.query.prog_cnt == COUNT(m->ids) ? 0 : m->attr.query.prog_cnt);
    memset(&m->attr, 0, sizeof(m->attr));
    m->attr.prog_id = m->ids[0];
    const long again = call(BPF_PROG_GET_FD_BY_ID, &m->attr, 4);
    printf("%s.by_id %s\n", arch, outcome(again));
    memset(&m->attr, 0, sizeof(m->attr));
    m->attr.link_create.prog_fd = (uint32_t)program;
    m->attr.link_create.target_fd = (uint32_t)cgroup;
    m->attr.link_create.attach_type = BPF_CGROUP_DEVICE;
    printf("%s.link %s\n", arch, outcome(call(BPF_LINK_CREATE, &m->attr, 16)));
    memset(&m->attr, 0, sizeof(m->attr));
    m->attr.target_fd = (uint32_t)cgroup;
    m->attr.attach_bpf_fd = (uint32_t)program;
    m->attr.attach_type = BPF_CGROUP_DEVICE;
    printf("%s.detach %s\n", arch, outcome(call(BPF_PROG_DETACH, &m->attr, 12)));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    const int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    all("i386", call_i386, cgroup);
    all("x32", call_x32, cgroup);
    return 0;
}
