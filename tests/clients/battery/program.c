// SPDX-License-Identifier: Apache-2.0
/* BPF_PROG_LOAD: programs, good and bad. */
#include "battery.h"

#define PROGRAM(label, ...)                                                                                  \
    do {                                                                                                     \
        const struct bpf_insn insns[] = {__VA_ARGS__};                                                       \
        report_fd("program." label, load_program(insns, COUNT(insns)));                                      \
    } while (0)

static void good(void)
{
    PROGRAM("deny", MOV_IMM(0, 0), EXIT);
    PROGRAM("allow", MOV_IMM(0, 1), EXIT);
    PROGRAM("context", LOAD_WORD(2, 1, 0), LOAD_WORD(3, 1, 4), LOAD_WORD(4, 1, 8), MOV_IMM(0, 1), EXIT);
    PROGRAM("context_byte", INSN(BPF_LDX | BPF_B | BPF_MEM, 2, 1, 0, 0), MOV_IMM(0, 1), EXIT);
    PROGRAM("context_half", INSN(BPF_LDX | BPF_H | BPF_MEM, 2, 1, 2, 0), MOV_IMM(0, 1), EXIT);
    PROGRAM("alu32", INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 5), INSN(BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, 1),
            EXIT);
    PROGRAM("shift", MOV_IMM(0, 1), INSN(BPF_ALU64 | BPF_LSH | BPF_K, 0, 0, 0, 0), EXIT);
    PROGRAM("endian", MOV_IMM(0, 1), INSN(BPF_ALU | BPF_END | BPF_TO_LE, 0, 0, 0, 32), EXIT);
    PROGRAM("jump32", MOV_IMM(0, 1), INSN(BPF_JMP32 | BPF_JEQ | BPF_K, 0, 0, 0, 1), EXIT);
    PROGRAM("jump_register", MOV_IMM(0, 1), MOV_IMM(2, 1), INSN(BPF_JMP | BPF_JEQ | BPF_X, 0, 2, 0, 0), EXIT);
    PROGRAM("jump_forward", MOV_IMM(0, 1), LOAD_WORD(2, 1, 4), JUMP_NE(2, 1, 1), MOV_IMM(0, 0), EXIT);
    PROGRAM("two_exits", MOV_IMM(0, 1), LOAD_WORD(2, 1, 4), JUMP_NE(2, 1, 2), MOV_IMM(0, 0), EXIT, EXIT);
    struct bpf_insn insns[64];
    unsigned count = 0;
    for (unsigned i = 0; i < 6; i++)
        count += rule(insns + count, 1, 3 + i, 1);
    insns[count++] = MOV_IMM(0, 0);
    insns[count++] = EXIT;
    report_fd("program.six_rules", load_program(insns, count));
    static struct bpf_insn longest[4096];
    for (size_t i = 0; i < COUNT(longest) - 1; i++)
        longest[i] = MOV_IMM(0, 1);
    longest[COUNT(longest) - 1] = EXIT;
    report_fd("program.4096", load_program(longest, COUNT(longest)));
}

/** What both the kernel and deputy refuse. */
static void bad(void)
{
    PROGRAM("no_exit", MOV_IMM(0, 1), MOV_IMM(0, 1));
    PROGRAM("r0_unset", EXIT);
    PROGRAM("context_beyond", LOAD_WORD(2, 1, 12), MOV_IMM(0, 1), EXIT);
    PROGRAM("context_before", LOAD_WORD(2, 1, -4), MOV_IMM(0, 1), EXIT);
    PROGRAM("context_unaligned", LOAD_WORD(2, 1, 2), MOV_IMM(0, 1), EXIT);
    PROGRAM("context_double", INSN(BPF_LDX | BPF_DW | BPF_MEM, 2, 1, 0, 0), MOV_IMM(0, 1), EXIT);
    PROGRAM("context_store", INSN(BPF_ST | BPF_W | BPF_MEM, 1, 0, 0, 1), MOV_IMM(0, 1), EXIT);
    PROGRAM("result_2", MOV_IMM(0, 2), EXIT);
    PROGRAM("opcode", INSN(0xff, 0, 0, 0, 0), MOV_IMM(0, 1), EXIT);
    PROGRAM("register_11", MOV_IMM(11, 1), MOV_IMM(0, 1), EXIT);
    PROGRAM("write_r10", MOV_IMM(10, 1), MOV_IMM(0, 1), EXIT);
    PROGRAM("uninitialized", INSN(BPF_ALU64 | BPF_MOV | BPF_X, 0, 5, 0, 0), EXIT);
    PROGRAM("jump_beyond", MOV_IMM(0, 1), JUMP_NE(0, 1, 5), EXIT);
    PROGRAM("jump_before", MOV_IMM(0, 1), JUMP_NE(0, 1, -5), EXIT);
    PROGRAM("endless", MOV_IMM(0, 1), INSN(BPF_JMP | BPF_JA, 0, 0, -1, 0), EXIT);
    PROGRAM("unreachable", MOV_IMM(0, 1), EXIT, MOV_IMM(0, 1), EXIT);
    PROGRAM("divide_by_zero", MOV_IMM(0, 1), INSN(BPF_ALU64 | BPF_DIV | BPF_K, 0, 0, 0, 0), EXIT);
    PROGRAM("shift_64", MOV_IMM(0, 1), INSN(BPF_ALU64 | BPF_LSH | BPF_K, 0, 0, 0, 64), EXIT);
    PROGRAM("reserved_offset", INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 99, 1), EXIT);
    PROGRAM("reserved_source", INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 3, 0, 1), EXIT);
    PROGRAM("exit_reserved", MOV_IMM(0, 1), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 7));
    PROGRAM("half_of_wide", MOV_IMM(0, 1), EXIT, INSN(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 1));
    PROGRAM("map_of_no_fd", INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, 999),
            INSN(0, 0, 0, 0, 0), MOV_IMM(0, 1), EXIT);
    PROGRAM("helper_unknown", INSN(BPF_JMP | BPF_CALL, 0, 0, 0, 0x7fffffff), MOV_IMM(0, 1), EXIT);
    PROGRAM("packet_load", INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0), MOV_IMM(0, 1), EXIT);
}

/** What only deputy refuses: the vetting is narrower than the verifier. */
static void vetted(void)
{
    PROGRAM("helper", INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_smp_processor_id), MOV_IMM(0, 1), EXIT);
    PROGRAM("subprogram", INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1), EXIT, MOV_IMM(0, 1), EXIT);
    PROGRAM("loop", MOV_IMM(0, 1), MOV_IMM(2, 0), INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, 1),
            JUMP_NE(2, 4, -2), EXIT);
    PROGRAM("wide_constant", INSN(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 1), INSN(0, 0, 0, 0, 0), EXIT);
    PROGRAM("stack", INSN(BPF_ST | BPF_DW | BPF_MEM, 10, 0, -8, 1),
            INSN(BPF_LDX | BPF_DW | BPF_MEM, 0, 10, -8, 0), EXIT);
}

void program_cases(void)
{
    good();
    bad();
    vetted();
}
