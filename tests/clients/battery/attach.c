// SPDX-License-Identifier: Apache-2.0
/* BPF_PROG_ATTACH and BPF_PROG_DETACH. */
#include "battery.h"

static int first, second;

static void fill(union attribute *a, int target, int program, unsigned flags)
{
    memset(a, 0, sizeof(*a));
    a->attr.target_fd = (uint32_t)target;
    a->attr.attach_bpf_fd = (uint32_t)program;
    a->attr.attach_type = BPF_CGROUP_DEVICE;
    a->attr.attach_flags = flags;
}

/** Attaches, says how many programs there are then, and takes them off. */
static void attach(const char *name, union attribute *a, unsigned size)
{
    const long result = bpf_call(BPF_PROG_ATTACH, a, size);
    const int error = errno;
    char detail[32];
    snprintf(detail, sizeof(detail), "count=%d", query_programs(battery.cgroup, NULL, 0));
    errno = error;
    report(name, result, detail);
    if (result == 0) {
        detach_program(battery.cgroup, first);
        detach_program(battery.cgroup, second);
    }
}

static void descriptors(void)
{
    const struct {
        const char *label;
        int fd;
    } all[] = {{"minus_1", -1},
               {"closed", 999},
               {"null_device", battery.null_device},
               {"directory", battery.directory},
               {"cgroup", battery.cgroup},
               {"cgroup_path", battery.cgroup_path},
               {"cgroup_file", battery.cgroup_file},
               {"socket", battery.socket}};
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill(&a, all[i].fd, first, BPF_F_ALLOW_MULTI);
        NAME("attach.target.%s", all[i].label);
        attach(name, &a, 20);
        fill(&a, battery.cgroup, all[i].fd, BPF_F_ALLOW_MULTI);
        RENAME("attach.program.%s", all[i].label);
        attach(name, &a, 20);
        fill(&a, battery.cgroup, first, BPF_F_ALLOW_MULTI | BPF_F_REPLACE);
        a.attr.replace_bpf_fd = (uint32_t)all[i].fd;
        RENAME("attach.replaced.%s", all[i].label);
        attach(name, &a, 20);
    }
    union attribute a;
    fill(&a, battery.null_device, first, BPF_F_ALLOW_MULTI | BPF_F_REPLACE);
    attach("attach.probe.replace", &a, 20);
    fill(&a, -9, -9, BPF_F_ALLOW_MULTI);
    a.attr.attach_type = BPF_CGROUP_INET_EGRESS;
    attach("attach.probe.egress", &a, 120);
    report("detach.probe.egress", bpf_call(BPF_PROG_DETACH, &a, 120), "");
}

static void flags(void)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        union attribute a;
        fill(&a, battery.cgroup, first, bits);
        NAME("attach.flags.%u", bits);
        attach(name, &a, 20);
    }
    static const unsigned more[] = {1u << 4, 1u << 5, 1u << 6, 1u << 13, 1u << 31, 0xffffffff};
    for (size_t i = 0; i < COUNT(more); i++) {
        union attribute a;
        fill(&a, battery.cgroup, first, more[i]);
        NAME("attach.flags.0x%x", more[i]);
        attach(name, &a, 20);
    }
    static const unsigned types[] = {0, 1, 3, 5, 7, 20, 45, 100, 0xffffffff};
    for (size_t i = 0; i < COUNT(types); i++) {
        union attribute a;
        fill(&a, battery.cgroup, first, BPF_F_ALLOW_MULTI);
        a.attr.attach_type = types[i];
        NAME("attach.type.%u", types[i]);
        attach(name, &a, 20);
    }
}

static void sizes(void)
{
    static const unsigned all[] = {0, 4, 8, 12, 15, 16, 20, 24, 32, 64, 120, 144, 4096, 4097, 0xffffffff};
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill(&a, battery.cgroup, first, BPF_F_ALLOW_MULTI);
        NAME("attach.size.%u", all[i]);
        attach(name, &a, all[i]);
    }
    static const struct {
        unsigned offset, value;
    } fields[] = {{20, 999}, {20, 1}, {24, 1}, {24, 999}, {32, 1}, {60, 1}, {143, 1}, {4000, 1}};
    for (size_t i = 0; i < COUNT(fields); i++) {
        union attribute a;
        fill(&a, battery.cgroup, first, BPF_F_ALLOW_MULTI);
        memcpy(a.bytes + fields[i].offset, &fields[i].value, sizeof(fields[i].value));
        NAME("attach.field.%u.%u", fields[i].offset, fields[i].value);
        attach(name, &a, 4096);
    }
    report("attach.attr.null", bpf_call(BPF_PROG_ATTACH, NULL, 20), "");
    report("attach.attr.unmapped", bpf_call(BPF_PROG_ATTACH, battery.edge, 20), "");
}

/** What may follow on what. */
static void sequences(void)
{
    const int cgroup = battery.cgroup;
    report("attach.multi", attach_program(cgroup, first, 2, 0), "");
    report("attach.multi.again", attach_program(cgroup, first, 2, 0), "");
    report("attach.multi.then_override", attach_program(cgroup, second, 1, 0), "");
    report("attach.multi.then_exclusive", attach_program(cgroup, second, 0, 0), "");
    report("attach.multi.replace_self", attach_program(cgroup, first, 6, first), "");
    report("attach.multi.replace_unattached", attach_program(cgroup, second, 6, second), "");
    report("attach.multi.replace_without_flag", attach_program(cgroup, second, 2, first), "");
    report("attach.multi.replace_by_attached", attach_program(cgroup, second, 6, first), "");
    report("detach.second", detach_program(cgroup, second), "");
    report("detach.second.again", detach_program(cgroup, second), "");
    report("attach.multi.replace", attach_program(cgroup, second, 6, first), "");
    report("detach.replaced", detach_program(cgroup, first), "");
    report("detach.multi.no_program", detach_program(cgroup, 0), "");
    report("detach.multi.minus_1", detach_program(cgroup, -1), "");
    report("detach.multi.null_device", detach_program(cgroup, battery.null_device), "");
    report("detach.target.minus_1", detach_program(-1, second), "");
    report("detach.target.directory", detach_program(battery.directory, second), "");
    report("detach.target.null_device", detach_program(battery.null_device, second), "");
    report("detach.multi", detach_program(cgroup, second), "");
    report("detach.empty", detach_program(cgroup, second), "");
    report("detach.empty.minus_1", detach_program(cgroup, -1), "");
}

static void detach_forms(void)
{
    static const unsigned sizes[] = {0, 4, 8, 11, 12, 16, 20, 24, 32, 120, 4096, 4097};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        attach_program(battery.cgroup, first, 2, 0);
        union attribute a;
        fill(&a, battery.cgroup, first, 0);
        NAME("detach.size.%u", sizes[i]);
        report(name, bpf_call(BPF_PROG_DETACH, &a, sizes[i]), "");
        detach_program(battery.cgroup, first);
    }
    static const struct {
        unsigned offset, value;
    } fields[] = {{8, 1},  {8, 1000}, {12, 2},   {12, 4}, {12, 1u << 31}, {16, 1},
                  {20, 1}, {24, 1},   {24, 999}, {32, 1}, {140, 1},       {4000, 1}};
    for (size_t i = 0; i < COUNT(fields); i++) {
        attach_program(battery.cgroup, first, 2, 0);
        union attribute a;
        fill(&a, battery.cgroup, first, 0);
        memcpy(a.bytes + fields[i].offset, &fields[i].value, sizeof(fields[i].value));
        NAME("detach.field.%u.%u", fields[i].offset, fields[i].value);
        report(name, bpf_call(BPF_PROG_DETACH, &a, 4096), "");
        detach_program(battery.cgroup, first);
    }
    report("detach.attr.null", bpf_call(BPF_PROG_DETACH, NULL, 12), "");
    report("detach.attr.unmapped", bpf_call(BPF_PROG_DETACH, battery.edge, 12), "");
}

void attach_cases(void)
{
    first = load_constant(1);
    second = load_constant(1);
    descriptors();
    flags();
    sizes();
    sequences();
    detach_forms();
    close(first);
    close(second);
}

/** A cgroup takes 64 programs. */
void limit_cases(void)
{
    int programs[66];
    int attached = 0;
    for (size_t i = 0; i < COUNT(programs); i++)
        programs[i] = load_constant(1);
    errno = 0;
    for (size_t i = 0; i < COUNT(programs); i++)
        attached += attach_program(battery.cgroup, programs[i], BPF_F_ALLOW_MULTI, 0) == 0;
    char detail[32];
    snprintf(detail, sizeof(detail), "attached=%d", attached);
    report("attach.limit", attached == COUNT(programs) ? 0 : -1, detail);
    for (size_t i = 0; i < COUNT(programs); i++) {
        detach_program(battery.cgroup, programs[i]);
        close(programs[i]);
    }
    report("detach.limit", query_programs(battery.cgroup, NULL, 0), "");
}
