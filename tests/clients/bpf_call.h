// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTS_BPF_CALL_H
#define DEPUTY_TESTS_BPF_CALL_H
/*
 * bpf() and a few device programs, for the clients: raw, so that nothing stands between a test and
 * the kernel's interface.
 */

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define INSN(code, dst, src, off, imm) ((struct bpf_insn){(code), (dst), (src), (off), (imm)})
#define MOV_IMM(dst, imm) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define LOAD_WORD(dst, src, off) INSN(BPF_LDX | BPF_W | BPF_MEM, dst, src, off, 0)
#define JUMP_NE(dst, imm, off) INSN(BPF_JMP | BPF_JNE | BPF_K, dst, 0, off, imm)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** BPF_PROG_LOAD in a fast loop can lock some kernels up for good: every load waits this long first. */
static inline void pace(void)
{
    struct timespec left = {0, 2 * 1000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static inline long bpf_call(long cmd, const void *attr, unsigned long size)
{
    if (cmd == BPF_PROG_LOAD)
        pace();
    return syscall(__NR_bpf, cmd, attr, size);
}

static inline uint64_t address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/** The name of every program that a client loads, so that a test can count them: PROGRAM_NAME. */
static inline const char *program_name(void)
{
    const char *name = getenv("PROGRAM_NAME");
    return name == NULL ? "deputy_test" : name;
}

static inline int load_program(const struct bpf_insn *insns, unsigned count)
{
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                           .insn_cnt = count,
                           .insns = address(insns),
                           .license = address("GPL")};
    strncpy(attr.prog_name, program_name(), sizeof(attr.prog_name) - 1);
    return (int)bpf_call(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/** A program that returns verdict (1 allows, 0 denies) for every device. */
static inline int load_constant(int verdict)
{
    const struct bpf_insn insns[] = {MOV_IMM(0, verdict), EXIT};
    return load_program(insns, COUNT(insns));
}

/** Instructions that return verdict for one character device, else fall through; 8 of them, r1 is kept. */
static inline unsigned rule(struct bpf_insn *out, unsigned major, unsigned minor, int verdict)
{
    const struct bpf_insn insns[] = {
        LOAD_WORD(2, 1, 0),
        INSN(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff), // the lower half is the type
        JUMP_NE(2, BPF_DEVCG_DEV_CHAR, 6),
        LOAD_WORD(2, 1, 4),
        JUMP_NE(2, (int)major, 4),
        LOAD_WORD(2, 1, 8),
        JUMP_NE(2, (int)minor, 2),
        MOV_IMM(0, verdict),
        EXIT,
    };
    memcpy(out, insns, sizeof(insns));
    return COUNT(insns);
}

/** A program with a verdict for one character device and the opposite one for all others. */
static inline int load_rule(unsigned major, unsigned minor, int verdict)
{
    struct bpf_insn insns[16];
    unsigned count = rule(insns, major, minor, verdict);
    insns[count++] = MOV_IMM(0, !verdict);
    insns[count++] = EXIT;
    return load_program(insns, count);
}

static inline int attach_program(int cgroup, int program, unsigned flags, int replaced)
{
    union bpf_attr attr = {.target_fd = (uint32_t)cgroup,
                           .attach_bpf_fd = (uint32_t)program,
                           .attach_type = BPF_CGROUP_DEVICE,
                           .attach_flags = flags,
                           .replace_bpf_fd = (uint32_t)replaced};
    return (int)bpf_call(BPF_PROG_ATTACH, &attr, 20);
}

static inline int detach_program(int cgroup, int program)
{
    union bpf_attr attr = {
        .target_fd = (uint32_t)cgroup, .attach_bpf_fd = (uint32_t)program, .attach_type = BPF_CGROUP_DEVICE};
    return (int)bpf_call(BPF_PROG_DETACH, &attr, 12);
}

static inline int create_link(int cgroup, int program)
{
    union bpf_attr attr = {.link_create = {.prog_fd = (uint32_t)program,
                                           .target_fd = (uint32_t)cgroup,
                                           .attach_type = BPF_CGROUP_DEVICE}};
    return (int)bpf_call(BPF_LINK_CREATE, &attr, 16);
}

/** @return how many programs there are, of which at most count ids are stored; -1 and errno. */
static inline int query_programs(int cgroup, uint32_t *ids, unsigned count)
{
    // Some kernels write the revision, at offset 56, whatever the size: the attribute must be whole.
    union {
        union bpf_attr attr;
        char room[256];
    } whole = {.attr.query = {.target_fd = (uint32_t)cgroup,
                              .attach_type = BPF_CGROUP_DEVICE,
                              .prog_ids = address(ids),
                              .prog_cnt = count}};
    if (bpf_call(BPF_PROG_QUERY, &whole, 64) != 0)
        return -1;
    return (int)whole.attr.query.prog_cnt;
}

static inline int program_by_id(uint32_t id)
{
    union bpf_attr attr = {.prog_id = id};
    return (int)bpf_call(BPF_PROG_GET_FD_BY_ID, &attr, 12);
}

/** @return the id, or 0 and errno. */
static inline uint32_t program_id(int program)
{
    struct bpf_prog_info info = {0};
    union bpf_attr attr = {
        .info = {.bpf_fd = (uint32_t)program, .info_len = sizeof(info), .info = address(&info)}};
    return bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr, 16) == 0 ? info.id : 0;
}

/** "ok" or the errno's name. */
static inline const char *outcome(long result)
{
    return result >= 0 ? "ok" : strerrorname_np(errno);
}

#endif
