// SPDX-License-Identifier: Apache-2.0
/* BPF_PROG_LOAD: the verifier's log, in buffers of every kind. */
#include "battery.h"

enum { room = 65536 };
static char buffer[room];

/** The log's length and a sum over it; with a program that is refused or not. */
static void ask(const char *label, int good, unsigned level, unsigned size, uint64_t place, int sum)
{
    static const struct bpf_insn insns[] = {{BPF_LDX | BPF_W | BPF_MEM, 2, 1, 4, 0},
                                            {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1},
                                            {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    union attribute a;
    fill_load(&a);
    a.attr.insns = address(insns) + (good ? 0 : 16);
    a.attr.insn_cnt = good ? 3 : 1;
    a.attr.log_level = level;
    a.attr.log_size = size;
    a.attr.log_buf = place;
    memset(buffer, '#', sizeof(buffer));
    const long fd = bpf_call(BPF_PROG_LOAD, &a, 144);
    const int error = errno;
    if (fd >= 0)
        close((int)fd);
    char detail[96] = "";
    if (sum) {
        uint32_t hash = 2166136261u, length = 0, touched = 0, true_size;
        while (length < room && buffer[length] != '\0' && buffer[length] != '#')
            hash = (hash ^ (unsigned char)buffer[length++]) * 16777619u;
        for (unsigned i = 0; i < room; i++)
            touched += buffer[i] != '#';
        memcpy(&true_size, a.bytes + 140, sizeof(true_size));
        if (level == 4) // has the time that it took
            snprintf(detail, sizeof(detail), "text=%d", length > 0);
        else
            snprintf(detail, sizeof(detail), "length=%u touched=%u sum=%08x true_size=%u", length, touched,
                     hash, true_size);
    }
    errno = error;
    NAME("log.%s.%s", good ? "good" : "bad", label);
    report(name, fd, detail);
}

void log_cases(void)
{
    for (int good = 1; good >= 0; good--) {
        ask("level_0_buffer", good, 0, room, address(buffer), 1);
        ask("level_0_size", good, 0, room, 0, 0);
        ask("level_0_place", good, 0, 0, address(buffer), 0);
        ask("level_1_none", good, 1, 0, 0, 1);
        ask("level_1_no_place", good, 1, room, 0, 0);
        ask("level_1_no_size", good, 1, 0, address(buffer), 0);
        ask("level_1", good, 1, room, address(buffer), 1);
        ask("level_2", good, 2, room, address(buffer), 1);
        ask("level_3", good, 3, room, address(buffer), 1);
        ask("level_4", good, 4, room, address(buffer), 1);
        ask("level_8", good, 8, room, address(buffer), 1);
        ask("level_9_fixed", good, 9, room, address(buffer), 1);
        ask("level_16", good, 16, room, address(buffer), 1);
        ask("level_all", good, 0xffffffff, room, address(buffer), 1);
        ask("size_1", good, 1, 1, address(buffer), 1);
        ask("size_2", good, 1, 2, address(buffer), 1);
        ask("size_16", good, 1, 16, address(buffer), 1);
        ask("size_16_fixed", good, 9, 16, address(buffer), 1);
        ask("size_127", good, 2, 127, address(buffer), 1);
        ask("size_128", good, 2, 128, address(buffer), 1);
        ask("size_max", good, 1, 0x3fffffff, address(buffer), 1);
        ask("size_over_max", good, 1, 0x40000000, address(buffer), 0);
        ask("size_huge", good, 1, 0xffffffff, address(buffer), 0);
        ask("unmapped", good, 1, room, unmapped(), 0);
        ask("over_edge", good, 2, room, unmapped() - 8, 0);
        ask("read_only", good, 1, room, address("constant"), 0);
    }
}
