// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bpf_cgroup_device/src/vet.hpp>

namespace
{

using bpf_cgroup_device::vet;
using program = std::vector<bpf_insn>;

bpf_insn insn(int code, unsigned dst = 0, unsigned src = 0, int off = 0, int imm = 0)
{
    bpf_insn i{};
    i.code = static_cast<std::uint8_t>(code);
    i.dst_reg = dst & 15;
    i.src_reg = src & 15;
    i.off = static_cast<std::int16_t>(off);
    i.imm = imm;
    return i;
}

constexpr int mov = BPF_ALU64 | BPF_MOV | BPF_K, mov_reg = BPF_ALU64 | BPF_MOV | BPF_X,
              add = BPF_ALU64 | BPF_ADD | BPF_K, load_w = BPF_LDX | BPF_MEM | BPF_W,
              load_h = BPF_LDX | BPF_MEM | BPF_H, load_b = BPF_LDX | BPF_MEM | BPF_B,
              load_dw = BPF_LDX | BPF_MEM | BPF_DW, store_w = BPF_STX | BPF_MEM | BPF_W,
              store_dw = BPF_STX | BPF_MEM | BPF_DW, put_w = BPF_ST | BPF_MEM | BPF_W,
              jump = BPF_JMP | BPF_JA, jne = BPF_JMP | BPF_JNE | BPF_K, jne32 = BPF_JMP32 | BPF_JNE | BPF_K,
              call = BPF_JMP | BPF_CALL, end = BPF_JMP | BPF_EXIT, wide = BPF_LD | BPF_IMM | BPF_DW;

const bpf_insn leave = insn(end);

/// What is expected: the refused instruction, or accepted.
constexpr int accepted = -1;
struct sample {
    const char *name;
    program code;
    int refused_at;
    int number;
};

void PrintTo(const sample &s, std::ostream *out)
{
    *out << s.name;
}

class bpf_vet : public testing::TestWithParam<sample>
{
};

TEST_P(bpf_vet, decides)
{
    const auto &s = GetParam();
    const auto why = vet(s.code);
    if (s.refused_at == accepted) {
        EXPECT_FALSE(why) << "instruction " << why->index << " " << why->reason;
        return;
    }
    ASSERT_TRUE(why);
    EXPECT_EQ(why->index, static_cast<std::size_t>(s.refused_at)) << why->reason;
    EXPECT_EQ(why->number, s.number) << why->reason;
}

/// The prologue of LXC and systemd: type, access, major and minor in r2 to r5.
program with_prologue(std::initializer_list<bpf_insn> rest)
{
    program p = {insn(load_w, 2, 1, 0), insn(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff),
                 insn(load_w, 3, 1, 0), insn(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16),
                 insn(load_w, 4, 1, 4), insn(load_w, 5, 1, 8)};
    p.insert(p.end(), rest);
    return p;
}

INSTANTIATE_TEST_SUITE_P(
    real, bpf_vet,
    testing::Values(
        sample{"runc_probe", {insn(mov), leave}, accepted, 0},
        sample{"systemd_probe", {insn(mov, 0, 0, 0, 1), leave}, accepted, 0},
        sample{"lxc_probe", with_prologue({insn(mov, 0, 0, 0, 1), leave}), accepted, 0},
        sample{"nvidia_without_result", {leave}, accepted, 0},
        // runc's: halves and words of the access type, a rule with access bits, then the default
        sample{"runc_rule",
               {insn(load_h, 2, 1, 0), insn(load_w, 3, 1, 0), insn(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16),
                insn(load_w, 4, 1, 4), insn(load_w, 5, 1, 8), insn(jne, 2, 0, 6, 2),
                insn(BPF_ALU | BPF_MOV | BPF_X, 1, 3), insn(BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, 6),
                insn(BPF_JMP | BPF_JNE | BPF_X, 1, 3, 3), insn(jne, 4, 0, 2, 1), insn(mov, 0, 0, 0, 1), leave,
                insn(mov), leave},
               accepted,
               0},
        sample{"systemd_rule_to_common_exit",
               with_prologue({insn(jne32, 2, 0, 3, 2), insn(jne, 4, 0, 2, 1), insn(mov, 0, 0, 0, 1),
                              insn(jump, 0, 0, 1), insn(mov), leave}),
               accepted, 0}),
    [](const auto &i) { return i.param.name; });

INSTANTIATE_TEST_SUITE_P(
    good, bpf_vet,
    testing::Values(
        sample{
            "context_in_another_register", {insn(mov_reg, 6, 1), insn(load_w, 0, 6, 8), leave}, accepted, 0},
        sample{"context_after_join",
               {insn(jne, 1, 0, 1, 0), insn(mov), insn(load_b, 0, 1, 1), leave},
               accepted,
               0},
        sample{"stack", {insn(put_w, 10, 0, -512, 7), insn(load_w, 0, 10, -512), leave}, accepted, 0},
        sample{"stack_by_copied_pointer",
               {insn(mov_reg, 2, 10), insn(add, 2, 0, 0, -8), insn(store_dw, 2, 1, 0), insn(mov), leave},
               accepted,
               0},
        sample{"wide_constant", {insn(wide, 0, 0, 0, 1), insn(0), leave}, accepted, 0},
        sample{"swap", {insn(mov), insn(BPF_ALU | BPF_END | BPF_X, 0, 0, 0, 16), leave}, accepted, 0},
        sample{"negate", {insn(mov), insn(BPF_ALU64 | BPF_NEG, 0), leave}, accepted, 0},
        sample{"far_jump", {insn(mov), insn(BPF_JMP32 | BPF_JA, 0, 0, 0, 0), leave}, accepted, 0},
        sample{"empty", {}, accepted, 0}),
    [](const auto &i) { return i.param.name; });

INSTANTIATE_TEST_SUITE_P(
    bad, bpf_vet,
    testing::Values(
        sample{"helper", {insn(mov), insn(call, 0, 0, 0, 6), leave}, 1, EACCES},
        sample{"own_function", {insn(call, 0, 1, 0, 1), leave, leave}, 0, EACCES},
        sample{"kernel_function", {insn(call, 0, 2, 0, 1), leave}, 0, EACCES},
        sample{"map", {insn(wide, 1, BPF_PSEUDO_MAP_FD, 0, 3), insn(0), leave}, 0, EACCES},
        sample{"map_value", {insn(wide, 1, BPF_PSEUDO_MAP_VALUE, 0, 3), insn(0), leave}, 0, EACCES},
        sample{"kernel_variable", {insn(wide, 1, BPF_PSEUDO_BTF_ID, 0, 3), insn(0), leave}, 0, EACCES},
        sample{"half_a_constant", {insn(wide, 1)}, 0, EINVAL},
        sample{"second_half_with_code", {insn(wide, 1), insn(end), leave}, 0, EINVAL},
        sample{"packet", {insn(BPF_LD | BPF_ABS | BPF_W), leave}, 0, EACCES},
        sample{"packet_indirect", {insn(BPF_LD | BPF_IND | BPF_W), leave}, 0, EACCES},
        sample{"behind_the_context", {insn(load_w, 0, 1, 12), leave}, 0, EACCES},
        sample{"across_the_end_of_the_context", {insn(load_w, 0, 1, 10), leave}, 0, EACCES},
        sample{"before_the_context", {insn(load_b, 0, 1, -1), leave}, 0, EACCES},
        sample{"double_word_of_the_context", {insn(load_dw, 0, 1, 0), leave}, 0, EACCES},
        sample{"moved_context", {insn(add, 1, 0, 0, 4), insn(load_w, 0, 1, 0), leave}, 1, EACCES},
        sample{"half_of_the_context_pointer",
               {insn(BPF_ALU | BPF_MOV | BPF_X, 2, 1), insn(load_w, 0, 2, 0), leave},
               1,
               EACCES},
        sample{"number_as_address", {insn(mov, 2, 0, 0, 64), insn(load_w, 0, 2, 0), leave}, 1, EACCES},
        sample{"loaded_value_as_address", {insn(load_w, 2, 1, 4), insn(load_w, 0, 2, 0), leave}, 1, EACCES},
        sample{"register_that_is_the_context_on_one_path_only",
               {insn(mov, 6), insn(jne, 1, 0, 1, 0), insn(mov_reg, 6, 1), insn(load_w, 0, 6, 0), leave},
               3,
               EACCES},
        sample{"store_to_the_context", {insn(store_w, 1, 1, 0), leave}, 0, EACCES},
        sample{"store_above_the_stack", {insn(put_w, 10, 0, 0, 1), leave}, 0, EACCES},
        sample{"store_across_the_top", {insn(put_w, 10, 0, -2, 1), leave}, 0, EACCES},
        sample{"store_below_the_stack", {insn(put_w, 10, 0, -513, 1), leave}, 0, EACCES},
        sample{"stack_pointer_moved_by_a_register",
               {insn(mov_reg, 2, 10), insn(mov, 3, 0, 0, -8), insn(BPF_ALU64 | BPF_ADD | BPF_X, 2, 3),
                insn(put_w, 2, 0, 0, 1), leave},
               3,
               EACCES},
        sample{"atomic", {insn(BPF_STX | 0xc0 | BPF_DW, 10, 1, -8, 0), leave}, 0, EACCES},
        sample{"frame_pointer_written", {insn(mov, 10), leave}, 0, EACCES},
        sample{"loop", {insn(mov), insn(jump, 0, 0, -2), leave}, 1, EACCES},
        sample{"jump_to_itself", {insn(jump, 0, 0, -1), leave}, 0, EACCES},
        sample{"jump_before_the_beginning", {insn(mov), insn(jump, 0, 0, -3), leave}, 1, EINVAL},
        sample{"conditional_loop", {insn(mov), insn(jne, 0, 0, -2, 1), leave}, 1, EACCES},
        sample{"jump_behind_the_end", {insn(jump, 0, 0, 1), leave}, 0, EINVAL},
        sample{"jump_into_a_constant", {insn(jump, 0, 0, 1), insn(wide, 0), insn(0), leave}, 0, EINVAL},
        sample{"register_11", {insn(mov, 11), leave}, 0, EINVAL},
        sample{"source_15", {insn(mov_reg, 0, 15), leave}, 0, EINVAL},
        sample{"reserved_offset", {insn(mov, 0, 0, 1), leave}, 0, EINVAL},
        sample{"reserved_source", {insn(add, 0, 1, 0, 1), leave}, 0, EINVAL},
        sample{"reserved_constant", {insn(mov_reg, 0, 1, 0, 1), leave}, 0, EINVAL},
        sample{"reserved_in_exit", {insn(mov), insn(end, 0, 0, 0, 1)}, 1, EINVAL},
        sample{"reserved_in_load", {insn(load_w, 0, 1, 0, 1), leave}, 0, EINVAL},
        sample{"reserved_in_store", {insn(store_w, 10, 1, -4, 1), leave}, 0, EINVAL},
        sample{"swap_of_17_bits", {insn(BPF_ALU | BPF_END, 0, 0, 0, 17), leave}, 0, EINVAL},
        sample{"conditional_jump_of_the_future", {insn(BPF_JMP | 0xe0, 0, 0, 0, 0), leave}, 0, EINVAL},
        sample{"unknown_arithmetic", {insn(BPF_ALU64 | 0xe0), leave}, 0, EINVAL},
        sample{"unknown_load_mode", {insn(BPF_LDX | 0xe0, 0, 1), leave}, 0, EINVAL}),
    [](const auto &i) { return i.param.name; });

TEST(bpf_vet_length, takes_a_program_of_4096_instructions)
{
    program p(4095, insn(mov));
    p.push_back(leave);
    EXPECT_FALSE(vet(p));
}

TEST(bpf_disassemble, names_what_is_refused)
{
    using bpf_cgroup_device::disassemble;
    EXPECT_EQ(disassemble(insn(call, 0, 0, 0, 6)), "call 6");
    EXPECT_EQ(disassemble(insn(load_w, 2, 1, 4)), "r2 = *(u32 *)(r1 +4)");
    EXPECT_EQ(disassemble(insn(put_w, 10, 0, -4, 7)), "*(u32 *)(r10 -4) = 7");
    EXPECT_EQ(disassemble(insn(jne, 2, 0, -6, 2)), "if r2 != 2 goto -6");
    EXPECT_EQ(disassemble(insn(jne32, 2, 0, 6, 2)), "if w2 != 2 goto +6");
    EXPECT_EQ(disassemble(insn(mov_reg, 6, 1)), "r6 = r1");
    EXPECT_EQ(disassemble(insn(jump, 0, 0, -2)), "goto -2");
    EXPECT_EQ(disassemble(leave), "exit");
}

} // namespace
