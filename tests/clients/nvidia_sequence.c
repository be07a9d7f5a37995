// SPDX-License-Identifier: Apache-2.0
/*
 * What nvidia-container-cli does to give a running container its devices: for every program of the
 * cgroup it fetches the instructions, puts rules for its devices in front, loads the result, detaches
 * the old one and attaches the new one.
 *
 *   nvidia_sequence CGROUP MAJOR MINOR
 */
#include "bpf_call.h"

#include <fcntl.h>

enum { programs_max = 64, insns_max = 4096 };

static void check(const char *step, long result)
{
    printf("%s %s\n", step, outcome(result));
    if (result < 0)
        exit(1);
}

/** The tool asks with the oldest form of the attribute, 32 bytes. */
static int query(int cgroup, uint32_t *ids)
{
    union {
        union bpf_attr attr;
        char room[256];
    } whole = {.attr.query = {.target_fd = (uint32_t)cgroup,
                              .attach_type = BPF_CGROUP_DEVICE,
                              .prog_ids = address(ids),
                              .prog_cnt = programs_max}};
    check("query", bpf_call(BPF_PROG_QUERY, &whole, 32));
    return (int)whole.attr.query.prog_cnt;
}

/** First the length, then the instructions, as the tool does. @return how many. */
static unsigned instructions(int program, struct bpf_insn *out)
{
    struct bpf_prog_info info = {0};
    union bpf_attr attr = {
        .info = {.bpf_fd = (uint32_t)program, .info_len = sizeof(info), .info = address(&info)}};
    check("info", bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
    const uint32_t size = info.xlated_prog_len;
    info = (struct bpf_prog_info){.xlated_prog_len = size, .xlated_prog_insns = address(out)};
    attr.info.info_len = sizeof(info);
    check("instructions", bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
    return info.xlated_prog_len / sizeof(struct bpf_insn);
}

static int load(const struct bpf_insn *insns, unsigned count)
{
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                           .insn_cnt = count,
                           .insns = address(insns),
                           .license = address("Apache")};
    const int fd = (int)bpf_call(BPF_PROG_LOAD, &attr, sizeof(attr));
    check("load", fd);
    return fd;
}

int main(int argc, char **argv)
{
    static struct bpf_insn insns[insns_max];
    uint32_t ids[programs_max] = {0};
    int old[programs_max], fresh[programs_max];
    if (argc != 4)
        return 2;
    const int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check("open", cgroup);
    const int count = query(cgroup, ids);
    printf("programs %d\n", count);
    for (int i = 0; i < count; i++) {
        old[i] = program_by_id(ids[i]);
        check("fetch", old[i]);
        unsigned length = rule(insns, (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), 1);
        length += instructions(old[i], insns + length);
        fresh[i] = load(insns, length);
    }
    for (int i = 0; i < count; i++)
        check("detach", detach_program(cgroup, old[i]));
    for (int i = 0; i < count; i++)
        check("attach", attach_program(cgroup, fresh[i], BPF_F_ALLOW_MULTI, 0));
    printf("done %d\n", query_programs(cgroup, NULL, 0));
    return 0;
}
