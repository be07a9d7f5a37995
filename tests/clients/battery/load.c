// SPDX-License-Identifier: Apache-2.0
/* BPF_PROG_LOAD: the attribute and its fields. */
#include "battery.h"

static void sizes(void)
{
    static const unsigned all[] = {0,  1,  3,  4,   7,   8,   16,  23,  24,   32,   40,   48,        64,
                                   72, 76, 96, 112, 120, 128, 144, 168, 4095, 4096, 4097, 0xffffffff};
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill_load(&a);
        NAME("load.size.%u", all[i]);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, all[i]));
    }
}

static void places(void)
{
    union attribute a;
    fill_load(&a);
    report_fd("load.attr.null", bpf_call(BPF_PROG_LOAD, NULL, 120));
    report_fd("load.attr.null_size_0", bpf_call(BPF_PROG_LOAD, NULL, 0));
    report_fd("load.attr.unmapped", bpf_call(BPF_PROG_LOAD, battery.edge, 120));
    report_fd("load.attr.kernel", bpf_call(BPF_PROG_LOAD, (void *)0xffff888000000000, 120));
    memcpy(battery.edge - 64, &a, 64);
    report_fd("load.attr.before_edge", bpf_call(BPF_PROG_LOAD, battery.edge - 64, 64));
    report_fd("load.attr.over_edge", bpf_call(BPF_PROG_LOAD, battery.edge - 64, 120));
    report_fd("load.attr.tail_over_edge", bpf_call(BPF_PROG_LOAD, battery.edge - 64, 4096));
    memcpy(battery.edge - 201, &a, 200);
    report_fd("load.attr.unaligned", bpf_call(BPF_PROG_LOAD, battery.edge - 201, 120));
}

/** Bytes that must be zero: behind the last field, and behind what the kernel knows. */
static void tails(void)
{
    static const unsigned offsets[] = {172, 175, 200, 255, 256, 511, 4095};
    for (size_t i = 0; i < COUNT(offsets); i++) {
        union attribute a;
        fill_load(&a);
        a.bytes[offsets[i]] = 1;
        NAME("load.tail.%u", offsets[i]);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 4096));
    }
    union attribute a;
    fill_load(&a);
    a.bytes[48] = 1; // prog_name
    report_fd("load.tail.beyond_size", bpf_call(BPF_PROG_LOAD, &a, 40));
}

static void pointers(void)
{
    union attribute a;
    fill_load(&a);
    a.attr.insns = 0;
    report_fd("load.insns.null", bpf_call(BPF_PROG_LOAD, &a, 120));
    a.attr.insns = unmapped();
    report_fd("load.insns.unmapped", bpf_call(BPF_PROG_LOAD, &a, 120));
    a.attr.insns = unmapped() - 8;
    report_fd("load.insns.over_edge", bpf_call(BPF_PROG_LOAD, &a, 120));
    const struct bpf_insn allow[] = {MOV_IMM(0, 1), EXIT};
    memcpy(battery.edge - sizeof(allow), allow, sizeof(allow));
    a.attr.insns = unmapped() - sizeof(allow);
    report_fd("load.insns.before_edge", bpf_call(BPF_PROG_LOAD, &a, 120));
    fill_load(&a);
    a.attr.license = 0;
    report_fd("load.license.null", bpf_call(BPF_PROG_LOAD, &a, 120));
    a.attr.license = unmapped();
    report_fd("load.license.unmapped", bpf_call(BPF_PROG_LOAD, &a, 120));
    memcpy(battery.edge - 2, "GP", 2);
    a.attr.license = unmapped() - 2;
    report_fd("load.license.no_nul_over_edge", bpf_call(BPF_PROG_LOAD, &a, 120));
    memcpy(battery.edge - 2, "x", 2);
    report_fd("load.license.before_edge", bpf_call(BPF_PROG_LOAD, &a, 120));
    a.attr.license = address("");
    report_fd("load.license.empty", bpf_call(BPF_PROG_LOAD, &a, 120));
    static char endless[512];
    memset(endless, 'x', sizeof(endless) - 1);
    a.attr.license = address(endless);
    report_fd("load.license.511_bytes", bpf_call(BPF_PROG_LOAD, &a, 120));
    a.attr.license = address("proprietary\x80\n");
    report_fd("load.license.odd_bytes", bpf_call(BPF_PROG_LOAD, &a, 120));
}

static void counts(void)
{
    static const unsigned all[] = {0, 1, 1000001, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill_load(&a);
        a.attr.insn_cnt = all[i];
        NAME("load.insn_cnt.%u", all[i]);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 120));
    }
}

static void flags(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        union attribute a;
        fill_load(&a);
        a.attr.prog_flags = 1u << bit;
        NAME("load.flags.bit_%u", bit);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 120));
    }
}

static void types(void)
{
    static const unsigned all[] = {0, 1, 8, 9, 13, 26, 100, 0xffffffff};
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill_load(&a);
        a.attr.prog_type = all[i];
        NAME("load.type.%u", all[i]);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 120));
    }
    static const unsigned attach[] = {0, 1, 6, 45, 1000, 0xffffffff};
    for (size_t i = 0; i < COUNT(attach); i++) {
        union attribute a;
        fill_load(&a);
        a.attr.expected_attach_type = attach[i];
        NAME("load.expected_attach_type.%u", attach[i]);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 120));
    }
}

static void names(void)
{
    static const struct {
        const char *label, *text;
        unsigned size;
    } all[] = {
        {"plain", "sd_devices", 10},
        {"all_kinds", "Aa_9.z", 6},
        {"15_bytes", "abcdefghijklmno", 15},
        {"no_nul", "abcdefghijklmnop", 16},
        {"dash", "a-b", 3},
        {"space", "a b", 3},
        {"high_bit", "a\x80", 2},
        {"behind_nul", "a\0b", 3},
        {"behind_nul_last", "a\0\0\0\0\0\0\0\0\0\0\0\0\0\0b", 16},
        {"slash", "a/b", 3},
        {"first_nul", "\0abc", 4},
    };
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill_load(&a);
        memcpy(a.attr.prog_name, all[i].text, all[i].size);
        NAME("load.name.%s", all[i].label);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 120));
    }
}

/** One field at a time, by its place, with a value that is no descriptor, length or pointer. */
static void other_fields(void)
{
    static const struct {
        const char *label;
        unsigned offset, value;
    } all[] = {
        {"kern_version", offsetof(union bpf_attr, kern_version), 0x12345},
        {"prog_ifindex", offsetof(union bpf_attr, prog_ifindex), 1},
        {"prog_btf_fd", offsetof(union bpf_attr, prog_btf_fd), 999},
        {"func_info_rec_size", offsetof(union bpf_attr, func_info_rec_size), 8},
        {"func_info_cnt", offsetof(union bpf_attr, func_info_cnt), 1},
        {"line_info_rec_size", offsetof(union bpf_attr, line_info_rec_size), 16},
        {"line_info_cnt", offsetof(union bpf_attr, line_info_cnt), 1},
        {"attach_btf_id", offsetof(union bpf_attr, attach_btf_id), 1},
        {"attach_prog_fd", offsetof(union bpf_attr, attach_prog_fd), 999},
        {"core_relo_cnt", offsetof(union bpf_attr, core_relo_cnt), 1},
        {"core_relo_rec_size", offsetof(union bpf_attr, core_relo_rec_size), 16},
        {"fd_array", offsetof(union bpf_attr, fd_array), 16},
        {"log_true_size", 140, 7},
        {"prog_token_fd", 144, 999},
        {"fd_array_cnt", 148, 1},
        {"signature", 152, 16},
        {"signature_size", 160, 1},
        {"keyring_id", 164, 1},
    };
    for (size_t i = 0; i < COUNT(all); i++) {
        union attribute a;
        fill_load(&a);
        memcpy(a.bytes + all[i].offset, &all[i].value, sizeof(all[i].value));
        NAME("load.field.%s", all[i].label);
        report_fd(name, bpf_call(BPF_PROG_LOAD, &a, 168));
    }
    union attribute a;
    fill_load(&a);
    a.attr.prog_btf_fd = (uint32_t)battery.null_device;
    a.attr.func_info_cnt = 1;
    report_fd("load.field.btf_not_btf", bpf_call(BPF_PROG_LOAD, &a, 168));
    fill_load(&a);
    a.attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER; // how cilium/ebpf asks for func_info
    a.attr.prog_btf_fd = 0xffffffff;
    a.attr.func_info_cnt = 1;
    report_fd("load.probe.func_info", bpf_call(BPF_PROG_LOAD, &a, 144));
}

/** runc's and systemd's questions about the other kind of cgroup program. */
static void skb_probes(void)
{
    const struct bpf_insn deny[] = {MOV_IMM(0, 0), EXIT}, allow[] = {MOV_IMM(0, 1), EXIT};
    union attribute a;
    fill_load(&a);
    a.attr.prog_type = BPF_PROG_TYPE_CGROUP_SKB;
    a.attr.insns = address(deny);
    a.attr.license = address("MIT");
    report_fd("load.probe.skb_runc", bpf_call(BPF_PROG_LOAD, &a, 144));
    a.attr.insns = address(allow);
    a.attr.license = address("GPL");
    report_fd("load.probe.skb_systemd", bpf_call(BPF_PROG_LOAD, &a, 120));
}

void load_cases(void)
{
    sizes();
    places();
    tails();
    pointers();
    counts();
    flags();
    types();
    names();
    other_fields();
    skb_probes();
}
