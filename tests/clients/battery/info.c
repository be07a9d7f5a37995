// SPDX-License-Identifier: Apache-2.0
/* BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_GET_NEXT_ID and commands that there are not. */
#include "battery.h"

void id_cases(void)
{
    const int program = load_constant(1);
    const uint32_t id = program_id(program);
    report("id.own", id != 0 ? 0 : -1, "");
    static const unsigned sizes[] = {0, 3, 4, 8, 12, 16, 120, 4096, 4097, 0xffffffff};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        union attribute a = {.attr.prog_id = id};
        NAME("id.size.%u", sizes[i]);
        report_fd(name, bpf_call(BPF_PROG_GET_FD_BY_ID, &a, sizes[i]));
    }
    static const unsigned absent[] = {0, 0x7ffffff0, 0xffffffff};
    for (size_t i = 0; i < COUNT(absent); i++) {
        NAME("id.absent.%u", absent[i]);
        report_fd(name, program_by_id(absent[i]));
    }
    static const struct {
        unsigned offset, value;
    } fields[] = {{4, 7}, {8, 1}, {8, 8}, {8, 16}, {8, 24}, {8, 999}, {12, 1}, {120, 1}, {4000, 1}};
    for (size_t i = 0; i < COUNT(fields); i++) {
        union attribute a = {.attr.prog_id = id};
        memcpy(a.bytes + fields[i].offset, &fields[i].value, sizeof(fields[i].value));
        NAME("id.field.%u.%u", fields[i].offset, fields[i].value);
        report_fd(name, bpf_call(BPF_PROG_GET_FD_BY_ID, &a, 4096));
    }
    report("id.attr.null", bpf_call(BPF_PROG_GET_FD_BY_ID, NULL, 4), "");
    report("id.attr.unmapped", bpf_call(BPF_PROG_GET_FD_BY_ID, battery.edge, 4), "");
    close(program);
    int gone = program_by_id(id);
    for (int i = 0; i < 1000 && gone >= 0; i++) { // the last reference may be given up in the background
        close(gone);
        pace();
        gone = program_by_id(id);
    }
    report_fd("id.after_close", gone);
    union attribute a = {.attr.start_id = 0};
    report("next_id", bpf_call(BPF_PROG_GET_NEXT_ID, &a, 12), "");
    memset(&a, 0, sizeof(a));
    report("command.minus_1", bpf_call(-1, &a, 16), "");
    report("command.1000", bpf_call(1000, &a, 16), "");
}

/** Links to a cgroup's programs, and updates and detaches of what may be one. */
void link_cases(void)
{
    const int program = load_constant(1);
    const int fds[] = {program, -1, 999, battery.null_device, battery.cgroup};
    for (size_t i = 0; i < COUNT(fds); i++) {
        union attribute a = {.attr.link_create = {.prog_fd = (uint32_t)fds[i],
                                                  .target_fd = (uint32_t)battery.cgroup,
                                                  .attach_type = BPF_CGROUP_DEVICE}};
        NAME("link.create.%zu", i);
        report_fd(name, bpf_call(BPF_LINK_CREATE, &a, 16));
        memset(&a, 0, sizeof(a));
        a.attr.link_update.link_fd = (uint32_t)fds[i];
        a.attr.link_update.new_prog_fd = (uint32_t)program;
        RENAME("link.update.%zu", i);
        report(name, bpf_call(BPF_LINK_UPDATE, &a, 16), "");
        memset(&a, 0, sizeof(a));
        a.attr.link_detach.link_fd = (uint32_t)fds[i];
        RENAME("link.detach.%zu", i);
        report(name, bpf_call(BPF_LINK_DETACH, &a, 4), "");
    }
    close(program);
}

static void ask(const char *name, int fd, unsigned size, void *place, unsigned length)
{
    union attribute a = {.attr.info = {.bpf_fd = (uint32_t)fd, .info_len = length, .info = address(place)}};
    const long result = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a, size);
    const int error = errno;
    char detail[32];
    snprintf(detail, sizeof(detail), "info_len=%u", a.attr.info.info_len);
    errno = error;
    report(name, result, detail);
}

static void forms(int program)
{
    static const unsigned sizes[] = {0, 4, 8, 12, 16, 24, 120, 4096, 4097};
    static unsigned char room[8192];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        memset(room, 0, sizeof(room));
        NAME("info.size.%u", sizes[i]);
        ask(name, program, sizes[i], room, sizeof(struct bpf_prog_info));
    }
    static const unsigned lengths[] = {0,   1,   4,   8,    16,   64,   80,        128,
                                       224, 232, 240, 1000, 4096, 4097, 0xffffffff};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        memset(room, 0, sizeof(room));
        NAME("info.length.%u", lengths[i]);
        ask(name, program, 16, room, lengths[i]);
    }
    memset(room, 0, sizeof(room));
    room[300] = 1;
    ask("info.tail", program, 16, room, 400);
    ask("info.null", program, 16, NULL, 224);
    ask("info.null.0", program, 16, NULL, 0);
    ask("info.unmapped", program, 16, battery.edge, 224);
    ask("info.over_edge", program, 16, battery.edge - 100, 224);
    report("info.attr.null", bpf_call(BPF_OBJ_GET_INFO_BY_FD, NULL, 16), "");
    report("info.attr.unmapped", bpf_call(BPF_OBJ_GET_INFO_BY_FD, battery.edge, 16), "");
    union attribute a = {.attr.info = {.bpf_fd = (uint32_t)program, .info_len = 224, .info = address(room)}};
    a.bytes[16] = 1;
    report("info.reserved", bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a, 120), "");
    const int bad[] = {-1, 999, battery.null_device, battery.cgroup, battery.cgroup_path, battery.socket};
    for (size_t i = 0; i < COUNT(bad); i++) {
        NAME("info.fd.%zu", i);
        memset(room, 0, sizeof(room));
        ask(name, bad[i], 16, room, 224);
    }
}

/** What the fields say of a program. */
static void fields(int program)
{
    static unsigned char code[4096];
    struct bpf_prog_info info = {0};
    union attribute a = {
        .attr.info = {.bpf_fd = (uint32_t)program, .info_len = sizeof(info), .info = address(&info)}};
    long result = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a, 16);
    char detail[128];
    uint64_t tag;
    memcpy(&tag, info.tag, sizeof(tag));
    snprintf(detail, sizeof(detail), "type=%u tag=%016llx xlated=%u maps=%u name=%.16s gpl=%u verified=%u",
             info.type, (unsigned long long)tag, info.xlated_prog_len, info.nr_map_ids, info.name,
             info.gpl_compatible, info.verified_insns);
    report("info.fields", result, detail);
    const uint32_t full = info.xlated_prog_len;
    for (uint32_t length = 0; length <= full + 8; length += 8) {
        memset(code, 0x5a, sizeof(code));
        info = (struct bpf_prog_info){.xlated_prog_len = length, .xlated_prog_insns = address(code)};
        a.attr.info.info_len = sizeof(info);
        result = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a, 16);
        const int error = errno;
        unsigned written = 0;
        while (written < sizeof(code) && code[written] != 0x5a)
            written++;
        uint32_t sum = 0;
        for (unsigned i = 0; i < written; i++)
            sum = sum * 31 + code[i];
        snprintf(detail, sizeof(detail), "xlated=%u written=%u sum=%08x", info.xlated_prog_len, written, sum);
        errno = error;
        NAME("info.instructions.%u", length);
        report(name, result, detail);
    }
    info = (struct bpf_prog_info){.xlated_prog_len = full, .xlated_prog_insns = unmapped()};
    report("info.instructions.unmapped", bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a, 16), "");
    info = (struct bpf_prog_info){.nr_map_ids = 4, .map_ids = address(code)};
    a.attr.info.info_len = sizeof(info);
    report("info.maps", bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a, 16), "");
}

void info_cases(void)
{
    struct bpf_insn insns[16];
    unsigned count = rule(insns, 1, 3, 1);
    insns[count++] = MOV_IMM(0, 0);
    insns[count++] = EXIT;
    union attribute a;
    fill_load(&a);
    a.attr.insns = address(insns);
    a.attr.insn_cnt = count;
    memcpy(a.attr.prog_name, "battery", 7);
    const int program = (int)bpf_call(BPF_PROG_LOAD, &a, 120);
    forms(program);
    fields(program);
    close(program);
}
