// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTS_BATTERY_H
#define DEPUTY_TESTS_BATTERY_H

#include "../bpf_call.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>

/** An attribute with room behind it, as newer and older kernels' are of other sizes. */
union attribute {
    union bpf_attr attr;
    unsigned char bytes[3 * 4096];
};

/** What the cases work on. */
struct battery {
    unsigned page;       ///< size in bytes
    unsigned char *edge; ///< the first address that is not mapped, behind three pages that are
    int cgroup;          ///< the directory that may be filled
    int cgroup_path;     ///< the same, O_PATH
    int cgroup_file;     ///< a file in it
    int null_device, directory, socket;
};
extern struct battery battery;

/** Prints a case: "ok" or the errno's name, and a detail. */
void report(const char *name, long result, const char *detail);
/** The same for a call that returns a descriptor, which is closed. */
void report_fd(const char *name, long fd);

void load_cases(void);
void program_cases(void);
void log_cases(void);
void query_cases(void);
void attach_cases(void);
void id_cases(void);
void info_cases(void);
void link_cases(void);
void limit_cases(void);

/** name, formatted; NAME declares it. */
#define RENAME(...) snprintf(name, sizeof(name), __VA_ARGS__)
#define NAME(...)                                                                                            \
    char name[96];                                                                                           \
    RENAME(__VA_ARGS__)

/** A well-formed load of a program that allows everything. */
static inline void fill_load(union attribute *a)
{
    static const struct bpf_insn allow[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1},
                                            {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    memset(a, 0, sizeof(*a));
    a->attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    a->attr.insn_cnt = COUNT(allow);
    a->attr.insns = address(allow);
    a->attr.license = address("GPL");
}

static inline uint64_t unmapped(void)
{
    return address(battery.edge);
}

#endif
