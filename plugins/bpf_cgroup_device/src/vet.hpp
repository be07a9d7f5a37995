// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <linux/bpf.h>

namespace bpf_cgroup_device
{

/// Why a program is not shown to the kernel.
struct refusal {
    std::size_t index;  ///< of the instruction
    const char *reason; ///< what it does, for example "calls a function"
    int number;         ///< EACCES; EINVAL where the encoding itself is wrong, as the kernel says then
};

/// Looks for anything but context loads, the program's own stack, arithmetic, forward jumps and exit.
/// Whether the rest makes sense is left to the kernel's verifier. Pure; linear in the program's length.
std::optional<refusal> vet(std::span<const bpf_insn> program);

/// One instruction as text, in the manner of the kernel's verifier.
std::string disassemble(const bpf_insn &insn);

} // namespace bpf_cgroup_device
