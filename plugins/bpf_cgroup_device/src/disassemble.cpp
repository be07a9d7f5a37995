// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>

#include "vet.hpp"

namespace bpf_cgroup_device
{
namespace
{

constexpr std::array<const char *, 16> alu_operators = {
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "= -", "%=", "^=", "=", "s>>=", "= bswap", "?", "?"};
constexpr std::array<const char *, 16> jump_operators = {
    "goto", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=", "?", "?"};
constexpr std::array<const char *, 4> sizes = {"u32", "u16", "u8", "u64"};

template <class... Args> std::string format(const char *pattern, Args... args)
{
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), pattern, args...);
    return text.data();
}

std::string operand(const bpf_insn &i, char prefix)
{
    return BPF_SRC(i.code) == BPF_X ? format("%c%u", prefix, unsigned{i.src_reg}) : format("%d", i.imm);
}

std::string jump(const bpf_insn &i)
{
    const auto op = BPF_OP(i.code);
    const char *name = jump_operators[op >> 4];
    if (op == BPF_EXIT) {
        return name;
    }
    if (op == BPF_CALL) {
        return format("call %d", i.imm);
    }
    if (op == BPF_JA) {
        return format("goto %+d", BPF_CLASS(i.code) == BPF_JMP32 ? i.imm : i.off);
    }
    const char prefix = BPF_CLASS(i.code) == BPF_JMP32 ? 'w' : 'r';
    return format("if %c%u %s %s goto %+d", prefix, unsigned{i.dst_reg}, name, operand(i, prefix).c_str(),
                  i.off);
}

} // namespace

std::string disassemble(const bpf_insn &i)
{
    const char *size = sizes[BPF_SIZE(i.code) >> 3];
    switch (BPF_CLASS(i.code)) {
    case BPF_ALU:
    case BPF_ALU64: {
        const char prefix = BPF_CLASS(i.code) == BPF_ALU ? 'w' : 'r';
        return format("%c%u %s %s", prefix, unsigned{i.dst_reg}, alu_operators[BPF_OP(i.code) >> 4],
                      operand(i, prefix).c_str());
    }
    case BPF_JMP:
    case BPF_JMP32:
        return jump(i);
    case BPF_LDX:
        return format("r%u = *(%s *)(r%u %+d)", unsigned{i.dst_reg}, size, unsigned{i.src_reg}, i.off);
    case BPF_STX:
        return format("*(%s *)(r%u %+d) %s r%u", size, unsigned{i.dst_reg}, i.off,
                      BPF_MODE(i.code) == BPF_MEM ? "=" : "op=", unsigned{i.src_reg});
    case BPF_ST:
        return format("*(%s *)(r%u %+d) = %d", size, unsigned{i.dst_reg}, i.off, i.imm);
    default:
        return format("(%02x) r%u = 0x%x, source %u", unsigned{i.code}, unsigned{i.dst_reg},
                      static_cast<unsigned>(i.imm), unsigned{i.src_reg});
    }
}

} // namespace bpf_cgroup_device
