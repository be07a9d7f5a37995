// SPDX-License-Identifier: Apache-2.0
#include "caller/denied_calls.hpp"

#include <cerrno>
#include <linux/audit.h>
#include <stdexcept>
#include <sys/syscall.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/syscall_name.hpp"

namespace deputyd
{
namespace
{

using testing::HasSubstr;
using testing::Not;

TEST(denied_calls, has_a_default_and_exceptions)
{
    const denied_calls d = parse_denied("ENOSYS/mount:EPERM/ptrace:13/mknod");
    EXPECT_EQ(d.error_of("mount"), EPERM);
    EXPECT_EQ(d.error_of("ptrace"), EACCES);
    EXPECT_EQ(d.error_of("mknod"), 0);
    EXPECT_EQ(d.error_of("swapon"), ENOSYS);
    EXPECT_EQ(d.error_of(""), ENOSYS); // has no name here, and was handed over
    EXPECT_EQ(parse_denied("4095").fallback, 4095);
    EXPECT_EQ(parse_denied("EAGAIN/socketcall:EINVAL").error_of("socketcall"), EINVAL);
}

TEST(denied_calls, reads_what_it_writes)
{
    const std::string word = "EPERM/mknod/mount:ENOSYS/ptrace:200";
    EXPECT_EQ(parse_denied(word).word(), word);
}

TEST(denied_calls, refuses_what_is_not_exactly_right)
{
    for (const char *word : {"",
                             "0",
                             "-1",
                             "4096",
                             "512",
                             "531",
                             "99999999999999999999",
                             "eperm",
                             "EPERM ",
                             " EPERM",
                             "1x",
                             "0x1",
                             "+1",
                             "/mount:EPERM",
                             "EPERM/",
                             "EPERM//mount",
                             "EPERM/mount/",
                             "EPERM/mount:",
                             "EPERM/mount:0",
                             "EPERM/mount:513",
                             "EPERM/mount:EPERM:EPERM",
                             "EPERM/mount:EPERM/mount:EPERM",
                             "EPERM/mount/mount",
                             "EPERM/nonexistent:EPERM",
                             "EPERM/Mount",
                             "EPERM/165:1",
                             "EPERM:mount",
                             "EPERM/:EPERM"}) {
        EXPECT_THROW(parse_denied(word), std::runtime_error) << word;
    }
    EXPECT_THROW(parse_denied(std::string("EPERM/mount\0x", 13)), std::runtime_error);
    EXPECT_THROW(parse_denied(std::string("EPERM\0", 6)), std::runtime_error);
}

TEST(denied_calls, says_what_is_wrong_in_a_line_whatever_was_sent)
{
    const auto message = [](const std::string &word) -> std::string {
        try {
            parse_denied(word);
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "nothing";
    };
    EXPECT_THAT(message("EPERM/nonexistent"), HasSubstr("\"nonexistent\" is no system call"));
    EXPECT_THAT(message("EWRONG"), HasSubstr("\"EWRONG\" is no errno"));
    EXPECT_THAT(message("EPERM/mount/mount"), HasSubstr("\"mount\" is there twice"));
    EXPECT_THAT(message("\x1b[2J\n"), Not(testing::ContainsRegex("[\x01-\x1f]")));
    EXPECT_LT(message(std::string(1 << 20, 'x')).size(), 500U);
    EXPECT_LT(message("EPERM/" + std::string(1 << 20, '\x80')).size(), 1000U);
}

#if defined(__x86_64__)
TEST(syscall_name, knows_those_of_every_architecture_that_the_kernel_runs)
{
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, SYS_mount, 0), "mount");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, 0x40000000 | SYS_mount, 0), "mount");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 21, 0), "mount");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, 100'000, 0), "");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, -101, 0), "");
    EXPECT_EQ(architecture_name(AUDIT_ARCH_X86_64, SYS_mount), "x86_64");
    EXPECT_EQ(architecture_name(AUDIT_ARCH_X86_64, 0x40000000), "x32");
    EXPECT_EQ(architecture_name(AUDIT_ARCH_I386, 0), "x86");
}

TEST(syscall_name, tells_multiplexed_calls_apart)
{
    EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 102, 2), "bind");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 102, 0xffffffff00000002), "bind");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 117, 0x10000 | 23), "shmget");
    for (const std::uint64_t which : {0ULL, 50ULL, 100ULL, 0x80000000ULL, ~0ULL}) {
        EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 102, which), "socketcall") << which;
    }
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, 102, 2), "getuid");
}
#endif

} // namespace
} // namespace deputyd
