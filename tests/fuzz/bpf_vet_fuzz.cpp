// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as a program. What is accepted must consist of harmless instructions.
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <bpf_cgroup_device/src/vet.hpp>

namespace
{

void must(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

/// What can be told of an instruction alone.
void must_be_harmless(const bpf_insn &i, std::size_t at, std::size_t size)
{
    must(i.dst_reg <= 10 && i.src_reg <= 10);
    switch (BPF_CLASS(i.code)) {
    case BPF_LD:
        must(i.code == (BPF_LD | BPF_IMM | BPF_DW) && i.src_reg == 0 && at + 1 < size);
        break;
    case BPF_ST:
    case BPF_STX:
        must(BPF_MODE(i.code) == BPF_MEM);
        break;
    case BPF_JMP:
    case BPF_JMP32: {
        must(BPF_OP(i.code) != BPF_CALL);
        if (BPF_OP(i.code) == BPF_EXIT) {
            break;
        }
        const bool far = BPF_CLASS(i.code) == BPF_JMP32 && BPF_OP(i.code) == BPF_JA;
        const std::int64_t distance = far ? i.imm : i.off;
        must(distance >= 0 && at + 1 + static_cast<std::size_t>(distance) < size);
        break;
    }
    default:
        break;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    std::vector<bpf_insn> program(size / sizeof(bpf_insn));
    if (!program.empty()) {
        std::memcpy(program.data(), data, program.size() * sizeof(bpf_insn));
    }
    const auto why = bpf_cgroup_device::vet(program);
    if (why) {
        must(why->index < program.size() && (why->number == EACCES || why->number == EINVAL));
        must(!bpf_cgroup_device::disassemble(program[why->index]).empty());
        return 0;
    }
    for (std::size_t i = 0; i < program.size(); ++i) {
        must_be_harmless(program[i], i, program.size());
        i += program[i].code == (BPF_LD | BPF_IMM | BPF_DW) ? 1 : 0;
    }
    return 0;
}
