// SPDX-License-Identifier: Apache-2.0
#include "plugin/handler_table.hpp"

#include <linux/audit.h>
#include <seccomp.h>
#include <utility>

namespace deputyd
{
namespace
{

/// The architectures whose programs this machine can run, as libseccomp and the kernel name them. x32
/// is left out: the filter refuses its calls (its numbers carry a bit of their own).
struct known_architecture {
    std::uint32_t libseccomp;
    std::uint32_t audit;
};

constexpr known_architecture architectures[] = {
#if defined(__x86_64__)
    {SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
    {SCMP_ARCH_X86, AUDIT_ARCH_I386},
#elif defined(__aarch64__)
    {SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
    {SCMP_ARCH_ARM, AUDIT_ARCH_ARM},
#elif defined(__riscv)
    {SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64},
#else
#error "add this machine's architectures here and to launch/filter.cpp"
#endif
};

std::vector<ruled_handler> with_own_rules(std::span<const handler *const> enabled)
{
    std::vector<ruled_handler> all;
    for (const handler *h : enabled) {
        all.push_back({.is = h});
    }
    return all;
}

} // namespace

handler_table::handler_table(std::vector<ruled_handler> handlers, call_limits limits)
    : handlers_(std::make_shared<const std::vector<ruled_handler>>(std::move(handlers))), limits_(limits)
{
    for (const auto &known : architectures) {
        architecture a;
        a.audit_arch = known.audit;
        for (const ruled_handler &h : *handlers_) {
            const int nr = seccomp_syscall_resolve_name_arch(known.libseccomp, h.is->syscall.c_str());
            if (nr < 0) {
                continue; // the architecture has no such call
            }
            const auto index = static_cast<std::size_t>(nr);
            if (a.by_number.size() <= index) {
                a.by_number.resize(index + 1);
            }
            a.by_number[index].push_back(&h);
        }
        architectures_.push_back(std::move(a));
    }
}

handler_table::handler_table(std::span<const handler *const> enabled)
    : handler_table(with_own_rules(enabled), call_limits{})
{
}

std::span<const ruled_handler *const> handler_table::find(std::uint32_t arch, std::int32_t nr) const noexcept
{
    for (const auto &a : architectures_) {
        if (a.audit_arch == arch && nr >= 0 && static_cast<std::size_t>(nr) < a.by_number.size()) {
            return a.by_number[static_cast<std::size_t>(nr)];
        }
    }
    return {};
}

std::span<const ruled_handler> handler_table::all() const noexcept
{
    return handlers_ ? std::span<const ruled_handler>(*handlers_) : std::span<const ruled_handler>{};
}

std::vector<const handler *> handlers_on(const handler_table &table)
{
    std::vector<const handler *> on;
    for (const ruled_handler &h : table.all()) {
        if (h.on) {
            on.push_back(h.is);
        }
    }
    return on;
}

} // namespace deputyd
