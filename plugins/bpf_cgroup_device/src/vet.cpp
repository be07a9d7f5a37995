// SPDX-License-Identifier: Apache-2.0
#include "vet.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

namespace bpf_cgroup_device
{
namespace
{

constexpr int stack_size = 512;
constexpr std::size_t registers = 11;
constexpr std::uint8_t memsx = 0x80;  // BPF_MEMSX, since Linux 6.6
constexpr std::uint8_t atomic = 0xc0; // BPF_ATOMIC

/// What a register is known to hold on every path to an instruction.
struct holding {
    enum kind { other, context, stack } what = other;
    std::int64_t offset = 0; ///< from the frame pointer, for stack

    bool operator==(const holding &) const = default;
};

struct state {
    bool reached = false;
    std::array<holding, registers> reg{};

    /// Another path comes here: only what both agree on stays known.
    void join(const state &from)
    {
        if (!reached) {
            *this = from;
            return;
        }
        for (std::size_t r = 0; r < registers; ++r) {
            if (!(reg[r] == from.reg[r])) {
                reg[r] = {};
            }
        }
    }
};

class vetting
{
public:
    explicit vetting(std::span<const bpf_insn> program) : program_(program), before_(program.size() + 1)
    {
        before_.front().reached = true;
        before_.front().reg[BPF_REG_1] = {holding::context, 0};
        before_.front().reg[BPF_REG_10] = {holding::stack, 0};
    }

    std::optional<refusal> run()
    {
        mark_second_halves();
        for (at_ = 0; at_ < program_.size(); ++at_) {
            now_ = before_[at_];
            if (!instruction(program_[at_])) {
                return why_;
            }
        }
        return {};
    }

private:
    bool refuse(const char *reason, int number = EACCES)
    {
        why_ = {at_, reason, number};
        return false;
    }
    bool malformed(const char *reason) { return refuse(reason, EINVAL); }

    void mark_second_halves()
    {
        second_half_.resize(program_.size());
        for (std::size_t i = 0; i + 1 < program_.size(); ++i) {
            if (program_[i].code == (BPF_LD | BPF_IMM | BPF_DW)) {
                second_half_[++i] = true;
            }
        }
    }

    bool instruction(const bpf_insn &i)
    {
        if (i.dst_reg >= registers || i.src_reg >= registers) {
            return malformed("names a register that does not exist");
        }
        switch (BPF_CLASS(i.code)) {
        case BPF_LD:
            return load_constant(i);
        case BPF_LDX:
            return load(i) && writes(i.dst_reg, {}) && falls_through(1);
        case BPF_ST:
        case BPF_STX:
            return store(i) && falls_through(1);
        case BPF_ALU:
        case BPF_ALU64:
            return arithmetic(i) && falls_through(1);
        default:
            return jump(i);
        }
    }

    bool falls_through(std::size_t length)
    {
        if (now_.reached && at_ + length < before_.size()) {
            before_[at_ + length].join(now_);
        }
        return true;
    }

    bool writes(unsigned r, holding value)
    {
        if (r == BPF_REG_10) {
            return refuse("writes the frame pointer");
        }
        now_.reg[r] = value;
        return true;
    }

    bool load_constant(const bpf_insn &i)
    {
        if (BPF_MODE(i.code) == BPF_ABS || BPF_MODE(i.code) == BPF_IND) {
            return refuse("loads from a packet");
        }
        if (i.code != (BPF_LD | BPF_IMM | BPF_DW)) {
            return malformed("is no instruction");
        }
        if (at_ + 1 >= program_.size()) {
            return malformed("lacks its second half");
        }
        if (i.src_reg != 0) {
            return refuse("loads the address of a map, variable or function");
        }
        const bpf_insn &high = program_[at_ + 1];
        if (i.off != 0 || high.code != 0 || high.dst_reg != 0 || high.src_reg != 0 || high.off != 0) {
            return malformed("uses a reserved field");
        }
        if (!writes(i.dst_reg, {}) || !falls_through(2)) {
            return false;
        }
        ++at_;
        return true;
    }

    static int width(const bpf_insn &i)
    {
        static constexpr std::array<int, 4> bytes = {4, 2, 1, 8};
        return bytes[BPF_SIZE(i.code) >> 3];
    }

    /// Whether bytes at the register's value + off are on the stack. Code that is never reached is refused by
    /// the kernel; nothing is known of its registers.
    bool on_stack(unsigned r, const bpf_insn &i) const
    {
        if (!now_.reached) {
            return true;
        }
        const std::int64_t first = now_.reg[r].offset + i.off;
        return now_.reg[r].what == holding::stack && first >= -stack_size && first + width(i) <= 0;
    }

    bool load(const bpf_insn &i)
    {
        if (BPF_MODE(i.code) != BPF_MEM && BPF_MODE(i.code) != memsx) {
            return malformed("is no instruction");
        }
        if (i.imm != 0) {
            return malformed("uses a reserved field");
        }
        if (now_.reached && now_.reg[i.src_reg].what == holding::context) {
            if (i.off < 0 || i.off + width(i) > static_cast<int>(sizeof(bpf_cgroup_dev_ctx))) {
                return refuse("loads from outside the context");
            }
            if (BPF_SIZE(i.code) == BPF_DW || BPF_MODE(i.code) != BPF_MEM) {
                return refuse("loads from the context in an unknown way");
            }
            return true;
        }
        return on_stack(i.src_reg, i) || refuse("loads from neither the context nor the stack");
    }

    bool store(const bpf_insn &i)
    {
        if (BPF_MODE(i.code) == atomic) {
            return refuse("is an atomic operation");
        }
        if (BPF_MODE(i.code) != BPF_MEM) {
            return malformed("is no instruction");
        }
        if (BPF_CLASS(i.code) == BPF_ST ? i.src_reg != 0 : i.imm != 0) {
            return malformed("uses a reserved field");
        }
        return on_stack(i.dst_reg, i) || refuse("stores outside the stack");
    }

    static bool reserved_in_arithmetic(const bpf_insn &i)
    {
        const auto op = BPF_OP(i.code);
        const bool from_register = BPF_SRC(i.code) == BPF_X;
        if (op == BPF_NEG) {
            return from_register || i.src_reg != 0 || i.off != 0 || i.imm != 0;
        }
        if (op == BPF_END) {
            return i.src_reg != 0 || i.off != 0 || (i.imm != 16 && i.imm != 32 && i.imm != 64) ||
                   (BPF_CLASS(i.code) == BPF_ALU64 && from_register);
        }
        if (from_register ? i.imm != 0 : i.src_reg != 0) {
            return true;
        }
        if (op == BPF_MOV && from_register) { // sign extension, since Linux 6.6
            return i.off != 0 && i.off != 8 && i.off != 16 &&
                   !(i.off == 32 && BPF_CLASS(i.code) == BPF_ALU64);
        }
        return i.off != 0 && !(i.off == 1 && (op == BPF_DIV || op == BPF_MOD));
    }

    bool arithmetic(const bpf_insn &i)
    {
        const auto op = BPF_OP(i.code);
        if (op > BPF_END) {
            return malformed("is no instruction");
        }
        if (reserved_in_arithmetic(i)) {
            return malformed("uses a reserved field");
        }
        holding value;
        if (BPF_CLASS(i.code) == BPF_ALU64 && BPF_SRC(i.code) == BPF_X && op == BPF_MOV && i.off == 0) {
            value = now_.reg[i.src_reg];
        } else if (BPF_CLASS(i.code) == BPF_ALU64 && BPF_SRC(i.code) == BPF_K &&
                   now_.reg[i.dst_reg].what == holding::stack && (op == BPF_ADD || op == BPF_SUB)) {
            const std::int64_t step = op == BPF_ADD ? std::int64_t{i.imm} : -std::int64_t{i.imm};
            value = {holding::stack, now_.reg[i.dst_reg].offset + step};
        }
        return writes(i.dst_reg, value);
    }

    bool jump(const bpf_insn &i)
    {
        const auto op = BPF_OP(i.code);
        const bool wide = BPF_CLASS(i.code) == BPF_JMP;
        if (op == BPF_CALL) {
            return refuse("calls a function");
        }
        if (op > BPF_JSLE) {
            return malformed("is no instruction");
        }
        if (op == BPF_EXIT) {
            const bool reserved =
                BPF_SRC(i.code) != BPF_K || i.imm != 0 || i.src_reg != 0 || i.dst_reg != 0 || !wide;
            return !reserved || malformed("uses a reserved field");
        }
        if (op == BPF_JA) {
            const bool reserved = BPF_SRC(i.code) != BPF_K || i.src_reg != 0 || i.dst_reg != 0 ||
                                  (wide ? i.imm != 0 : i.off != 0);
            return reserved ? malformed("uses a reserved field") : jumps_to(wide ? i.off : i.imm);
        }
        if (BPF_SRC(i.code) == BPF_X ? i.imm != 0 : i.src_reg != 0) {
            return malformed("uses a reserved field");
        }
        return jumps_to(i.off) && falls_through(1);
    }

    bool jumps_to(std::int64_t distance)
    {
        if (distance < -static_cast<std::int64_t>(at_) - 1) {
            return malformed("jumps out of the program");
        }
        if (distance < 0) {
            return refuse("jumps backward");
        }
        const std::size_t target = at_ + 1 + static_cast<std::size_t>(distance);
        if (target >= program_.size() || second_half_[target]) {
            return malformed("jumps out of the program");
        }
        if (now_.reached) {
            before_[target].join(now_);
        }
        return true;
    }

    std::span<const bpf_insn> program_;
    std::vector<state> before_;
    std::vector<bool> second_half_;
    state now_;
    std::size_t at_ = 0;
    refusal why_{};
};

} // namespace

std::optional<refusal> vet(std::span<const bpf_insn> program)
{
    return vetting(program).run();
}

} // namespace bpf_cgroup_device
