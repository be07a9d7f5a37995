// SPDX-License-Identifier: Apache-2.0
// The seccomp program for a table of handlers, run by a small interpreter.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <memory>
#include <random>
#include <stdexcept>
#include <sys/syscall.h>

#include <gtest/gtest.h>

#include "launch/filter.hpp"

namespace deputyd
{
namespace
{

/// What a program returns for a call.
std::uint32_t evaluate(const std::vector<sock_filter> &program, const seccomp_data &data)
{
    std::uint32_t a = 0;
    for (std::size_t pc = 0; pc < program.size(); ++pc) {
        const sock_filter &i = program[pc];
        const auto jump = [&](bool taken) { pc += taken ? i.jt : i.jf; };
        switch (i.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            std::memcpy(&a, reinterpret_cast<const char *>(&data) + i.k, sizeof a);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i.k;
            break;
        case BPF_JMP | BPF_JA:
            pc += i.k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump(a == i.k);
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump(a > i.k);
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump(a >= i.k);
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            jump((a & i.k) != 0);
            break;
        case BPF_RET | BPF_K:
            return i.k;
        default:
            throw std::logic_error("instruction " + std::to_string(i.code));
        }
    }
    throw std::logic_error("ran off the end");
}

class launch_filter : public testing::Test
{
protected:
    void on(const char *name, std::vector<deputy_predicate> predicates = {})
    {
        handlers_.push_back(std::make_unique<handler>());
        handlers_.back()->syscall = name;
        handlers_.back()->predicates = std::move(predicates);
    }
    std::vector<sock_filter> program() const
    {
        std::vector<const handler *> enabled;
        for (const auto &h : handlers_) {
            enabled.push_back(h.get());
        }
        return make_filter(handler_table(enabled));
    }
    static seccomp_data call(long nr, std::vector<std::uint64_t> args = {}, std::uint32_t arch = native)
    {
        seccomp_data d{};
        d.nr = static_cast<int>(nr);
        d.arch = arch;
        std::copy(args.begin(), args.end(), d.args);
        return d;
    }

#if defined(__x86_64__)
    static constexpr std::uint32_t native = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    static constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
#endif
    std::vector<std::unique_ptr<handler>> handlers_;
};

constexpr std::uint64_t garbage = 0xdeadbeef00000000;

TEST_F(launch_filter, notifies_enabled_calls_only)
{
    on("getppid");
    const auto p = program();
    EXPECT_EQ(evaluate(p, call(SYS_getppid)), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(evaluate(p, call(SYS_getpid)), SECCOMP_RET_ALLOW);
    EXPECT_EQ(evaluate(p, call(SYS_bpf)), SECCOMP_RET_ALLOW);
}

TEST_F(launch_filter, compares_32_bit_parameters_as_the_kernel_reads_them)
{
    on("bpf", {deputy::equals32(0, 5)});
    on("bpf", {deputy::equals32(0, 8)});
    on("mknodat", {deputy::masked32(2, 0170000, 0020000)});
    const auto p = program();
    for (const std::uint64_t upper : {std::uint64_t{0}, garbage, ~std::uint64_t{0} << 32}) {
        EXPECT_EQ(evaluate(p, call(SYS_bpf, {upper | 5})), SECCOMP_RET_USER_NOTIF);
        EXPECT_EQ(evaluate(p, call(SYS_bpf, {upper | 8})), SECCOMP_RET_USER_NOTIF);
        EXPECT_EQ(evaluate(p, call(SYS_bpf, {upper | 1})), SECCOMP_RET_ALLOW);
        EXPECT_EQ(evaluate(p, call(SYS_mknodat, {0, 0, upper | 0020666})), SECCOMP_RET_USER_NOTIF);
        EXPECT_EQ(evaluate(p, call(SYS_mknodat, {0, 0, upper | 0010666})), SECCOMP_RET_ALLOW);
    }
}

TEST_F(launch_filter, compares_64_bit_parameters_whole)
{
    on("getppid", {deputy::equals64(1, garbage | 7)});
    const auto p = program();
    EXPECT_EQ(evaluate(p, call(SYS_getppid, {0, garbage | 7})), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(evaluate(p, call(SYS_getppid, {0, 7})), SECCOMP_RET_ALLOW);
    EXPECT_EQ(evaluate(p, call(SYS_getppid, {0, garbage | 6})), SECCOMP_RET_ALLOW);
}

TEST_F(launch_filter, agrees_with_the_hosts_predicates)
{
    on("bpf", {deputy::equals32(0, 5), deputy::masked32(2, 0xf0, 0x30)});
    on("bpf", {deputy::equals32(0, 6)});
    on("bpf", {deputy::equals64(1, garbage), deputy::equals32(3, 1)});
    const auto p = program();
    std::mt19937_64 random(1); // NOLINT(cert-msc51-cpp): the same calls each time
    for (int i = 0; i < 20000; ++i) {
        seccomp_data d = call(SYS_bpf);
        for (auto &a : d.args) {
            a = (random() % 3 == 0 ? garbage : 0) | random() % 8 | (random() % 2 == 0 ? 0x30 : 0);
        }
        d.args[1] = random() % 2 == 0 ? garbage : d.args[1];
        std::uint64_t args[6];
        std::memcpy(args, d.args, sizeof args);
        bool wanted = false;
        for (const auto &h : handlers_) {
            wanted = wanted || matches(h->predicates, args);
        }
        ASSERT_EQ(evaluate(p, d) == SECCOMP_RET_USER_NOTIF, wanted) << i;
    }
}

TEST_F(launch_filter, refuses_listeners_whatever_the_upper_halves_hold)
{
    on("getppid");
    const auto p = program();
    const std::uint32_t busy = SECCOMP_RET_ERRNO | EBUSY;
    for (const std::uint64_t upper : {std::uint64_t{0}, garbage}) {
        EXPECT_EQ(evaluate(p, call(SYS_seccomp, {upper | SECCOMP_SET_MODE_FILTER,
                                                 upper | SECCOMP_FILTER_FLAG_NEW_LISTENER})),
                  busy);
        EXPECT_EQ(evaluate(p, call(SYS_seccomp, {upper | SECCOMP_SET_MODE_FILTER, upper | 0x1b})), busy);
        EXPECT_EQ(evaluate(p, call(SYS_seccomp, {upper | SECCOMP_SET_MODE_FILTER, upper | 0x17})),
                  SECCOMP_RET_ALLOW);
        EXPECT_EQ(evaluate(p, call(SYS_seccomp, {upper | SECCOMP_GET_ACTION_AVAIL, upper | 8})),
                  SECCOMP_RET_ALLOW);
    }
}

#if defined(__x86_64__)
TEST_F(launch_filter, notifies_i386_calls_and_refuses_x32_and_unknown_architectures)
{
    on("bpf", {deputy::equals32(0, 5)});
    const auto p = program();
    const std::uint32_t refused = SECCOMP_RET_ERRNO | ENOSYS;
    EXPECT_EQ(evaluate(p, call(357, {5}, AUDIT_ARCH_I386)), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(evaluate(p, call(357, {4}, AUDIT_ARCH_I386)), SECCOMP_RET_ALLOW);
    EXPECT_EQ(evaluate(p, call(SYS_bpf, {5}, AUDIT_ARCH_I386)), SECCOMP_RET_ALLOW);
    EXPECT_EQ(evaluate(p, call(SYS_bpf | 0x40000000, {5})), refused);
    EXPECT_EQ(evaluate(p, call(SYS_bpf, {5}, AUDIT_ARCH_AARCH64)), refused);
}
#endif

} // namespace
} // namespace deputyd
