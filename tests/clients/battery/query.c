// SPDX-License-Identifier: Apache-2.0
/* BPF_PROG_QUERY. */
#include "battery.h"

static void fill(union attribute *a, uint32_t *ids, unsigned count)
{
    memset(a, 0, sizeof(*a));
    a->attr.query.target_fd = (uint32_t)battery.cgroup;
    a->attr.query.attach_type = BPF_CGROUP_DEVICE;
    a->attr.query.prog_ids = address(ids);
    a->attr.query.prog_cnt = count;
}

/** Asks with this size and says what was written. */
static void ask(const char *name, union attribute *a, unsigned size)
{
    static const uint32_t mark = 0x5a5a5a5a;
    uint64_t revision;
    const long result = bpf_call(BPF_PROG_QUERY, a, size);
    const int error = errno;
    memcpy(&revision, a->bytes + 56, sizeof(revision));
    uint32_t written = 0;
    if (a->attr.query.prog_ids >= 4096 && a->attr.query.prog_ids != unmapped())
        for (const uint32_t *id = (uint32_t *)(uintptr_t)a->attr.query.prog_ids; *id != mark && *id != 0;
             id++)
            written++;
    char detail[96];
    snprintf(detail, sizeof(detail), "count=%u flags=%x ids=%u revision=%llu", a->attr.query.prog_cnt,
             a->attr.query.attach_flags, written, (unsigned long long)revision);
    errno = error;
    report(name, result, detail);
}

static void sizes(const char *state)
{
    static const unsigned all[] = {0, 4, 8, 12, 16, 20, 24, 27, 28, 32, 40, 48, 56, 64, 144, 4096, 4097};
    for (size_t i = 0; i < COUNT(all); i++) {
        uint32_t ids[8];
        memset(ids, 0x5a, sizeof(ids));
        union attribute a;
        fill(&a, ids, 6);
        NAME("query.%s.size.%u", state, all[i]);
        ask(name, &a, all[i]);
    }
}

static void counts(const char *state)
{
    for (unsigned count = 0; count < 4; count++) {
        uint32_t ids[8];
        memset(ids, 0x5a, sizeof(ids));
        union attribute a;
        fill(&a, ids, count);
        NAME("query.%s.count.%u", state, count);
        ask(name, &a, 64);
        fill(&a, NULL, count);
        RENAME("query.%s.no_ids.%u", state, count);
        ask(name, &a, 64);
        fill(&a, (uint32_t *)battery.edge, count);
        RENAME("query.%s.unmapped_ids.%u", state, count);
        ask(name, &a, 64);
    }
    uint32_t ids[8];
    memset(ids, 0x5a, sizeof(ids));
    union attribute a;
    fill(&a, ids, 0xffffffff);
    NAME("query.%s.count.all", state);
    ask(name, &a, 64);
}

static void targets(void)
{
    const struct {
        const char *label;
        int fd;
    } all[] = {{"minus_1", -1},
               {"closed", 999},
               {"null_device", battery.null_device},
               {"directory", battery.directory},
               {"cgroup_file", battery.cgroup_file},
               {"cgroup_path", battery.cgroup_path},
               {"socket", battery.socket}};
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill(&a, NULL, 0);
        a.attr.query.target_fd = (uint32_t)all[i].fd;
        NAME("query.target.%s", all[i].label);
        ask(name, &a, 64);
    }
}

static void fields(void)
{
    for (unsigned bit = 0; bit < 32; bit += bit < 6 ? 1 : 5) {
        union attribute a;
        fill(&a, NULL, 0);
        a.attr.query.query_flags = 1u << bit;
        NAME("query.flags.bit_%u", bit);
        ask(name, &a, 64);
    }
    static const unsigned reserved[] = {28, 31, 64, 80, 120, 143, 300, 4095};
    for (size_t i = 0; i < COUNT(reserved); i++) {
        union attribute a;
        fill(&a, NULL, 0);
        a.bytes[reserved[i]] = 1;
        NAME("query.reserved.%u", reserved[i]);
        ask(name, &a, 4096);
    }
    union attribute a;
    fill(&a, NULL, 0);
    a.attr.query.attach_type = 1000;
    ask("query.type.1000", &a, 64);
    fill(&a, NULL, 0);
    a.attr.query.attach_type = 0xffffffff;
    ask("query.type.minus_1", &a, 64);
    uint32_t ids[8], flags[8];
    memset(ids, 0x5a, sizeof(ids));
    memset(flags, 0x5a, sizeof(flags));
    fill(&a, ids, 6);
    a.attr.query.prog_attach_flags = address(flags);
    ask("query.prog_attach_flags", &a, 64);
    report("query.prog_attach_flags.first", 0,
           flags[0] == 0x5a5a5a5a ? "untouched"
           : flags[0] == 2        ? "multi"
                                  : "other");
    fill(&a, ids, 6);
    a.attr.query.prog_attach_flags = address(flags);
    a.attr.query.query_flags = BPF_F_QUERY_EFFECTIVE;
    ask("query.prog_attach_flags.effective", &a, 64);
}

static void places(void)
{
    union attribute a;
    fill(&a, NULL, 0);
    report("query.attr.null", bpf_call(BPF_PROG_QUERY, NULL, 64), "");
    report("query.attr.unmapped", bpf_call(BPF_PROG_QUERY, battery.edge, 64), "");
    memcpy(battery.edge - 32, &a, 32);
    report("query.attr.over_edge", bpf_call(BPF_PROG_QUERY, battery.edge - 32, 64), "");
    void *constant = mmap(NULL, battery.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(constant, &a, 256);
    mprotect(constant, battery.page, PROT_READ);
    report("query.attr.read_only", bpf_call(BPF_PROG_QUERY, constant, 64), "");
    munmap(constant, battery.page);
}

void query_cases(void)
{
    sizes("empty");
    counts("empty");
    const int first = load_constant(1), second = load_constant(1);
    report("query.prepare", attach_program(battery.cgroup, first, BPF_F_ALLOW_MULTI, 0), "");
    sizes("one");
    counts("one");
    attach_program(battery.cgroup, second, BPF_F_ALLOW_MULTI, 0);
    counts("two");
    fields();
    targets();
    places();
    detach_program(battery.cgroup, first);
    detach_program(battery.cgroup, second);
    counts("detached");
    close(first);
    close(second);
}
