// SPDX-License-Identifier: Apache-2.0
#include "profile/merge.hpp"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profile/lxc_text.hpp"
#include "profile/resolve.hpp"
#include "support/filter_verdict.hpp"

namespace
{

using namespace deputyd::profile;
using deputy_test::compiled_filter;
using testing::HasSubstr;

constexpr std::uint32_t notified = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t allowed = SECCOMP_RET_ALLOW;
constexpr std::uint32_t refused(std::uint32_t error)
{
    return SECCOMP_RET_ERRNO | error;
}

/// A handler's wish for one command in the first argument.
cube command(std::uint32_t value)
{
    cube c;
    c.mask[0] = 0xffffffff;
    c.value[0] = value;
    return c;
}
cube device_mode()
{
    cube c;
    c.mask[1] = 0xf000;
    c.value[1] = 0x2000;
    return c;
}

std::vector<claim> some_claims()
{
    return {{"bpf", 0, {command(5), command(8), command(9), command(28)}},
            {"mknod", 0, {device_mode()}},
            {"getppid", 0, {cube{}}},
            {"seccomp", EBUSY, {new_listener()}}};
}

circumstances a_container()
{
    return {{"CAP_CHOWN"}, "6.1.0"};
}

json profile_with(const char *fallback, const char *rules)
{
    return resolve(
        json::parse(std::string(R"({"defaultAction": ")") + fallback + R"(", "syscalls": )" + rules + "}"),
        a_container());
}

compiled_filter merged(json profile)
{
    merge(profile, some_claims());
    return compiled_filter(profile);
}

class MergedProfile : public testing::TestWithParam<const char *>
{
};

/// Every base, whatever it says of the claimed calls.
TEST_P(MergedProfile, notifies_what_is_claimed_and_keeps_the_answer_to_all_else)
{
    json base = json::parse(GetParam());
    base = resolve(base, a_container());
    const compiled_filter before(base);
    const compiled_filter after = merged(base);
    for (const std::uint32_t arch : {SCMP_ARCH_NATIVE, SCMP_ARCH_X86}) {
        for (std::uint64_t n = 0; n < 300; ++n) {
            const std::uint64_t upper = arch == SCMP_ARCH_NATIVE && (n % 2) != 0 ? n << 40 : 0;
            const bool claimed = n == 5 || n == 8 || n == 9 || n == 28;
            const std::array<std::uint64_t, 6> args = {n | upper, 1};
            EXPECT_EQ(after.verdict("bpf", args, arch),
                      claimed ? notified : before.verdict("bpf", args, arch))
                << n << " " << arch;
        }
        for (std::uint64_t type = 0; type < 16; ++type) {
            const std::array<std::uint64_t, 6> args = {0x7000, type << 12 | 0644, 259};
            EXPECT_EQ(after.verdict("mknod", args, arch),
                      type == 2 ? notified : before.verdict("mknod", args, arch))
                << type;
        }
        EXPECT_EQ(after.verdict("getppid", {1, 2, 3}, arch), notified);
        EXPECT_EQ(after.verdict("read", {1, 2, 3}, arch), before.verdict("read", {1, 2, 3}, arch));
        EXPECT_EQ(after.verdict("seccomp", {1, 8, 3}, arch), refused(EBUSY));
        EXPECT_EQ(after.verdict("seccomp", {1, 9, 3}, arch), refused(EBUSY));
        EXPECT_EQ(after.verdict("seccomp", {1, 1, 3}, arch), before.verdict("seccomp", {1, 1, 3}, arch));
        EXPECT_EQ(after.verdict("seccomp", {2, 8, 3}, arch), before.verdict("seccomp", {2, 8, 3}, arch));
    }
    EXPECT_EQ(after.verdict("seccomp", {1ULL << 32 | 1, 1ULL << 40 | 8}), refused(EBUSY));
}

INSTANTIATE_TEST_SUITE_P(
    Bases, MergedProfile,
    testing::Values(R"({"defaultAction": "SCMP_ACT_ALLOW"})",
                    R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38})",
                    R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read", "bpf", "mknod", "getppid", "seccomp"], "action": "SCMP_ACT_ALLOW"}]})",
                    R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
            {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
            {"names": ["mknod", "seccomp"], "action": "SCMP_ACT_LOG"},
            {"names": ["bpf"], "action": "SCMP_ACT_ALLOW"}]})",
                    R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["bpf", "getppid"], "action": "SCMP_ACT_KILL"},
            {"names": ["mknod"], "action": "SCMP_ACT_ERRNO", "errno": "EACCES"}]})",
                    R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 4294967288, "valueTwo": 8, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["mknod"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 2, "value": 259, "op": "SCMP_CMP_EQ"}]},
            {"names": ["seccomp"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]})"));

TEST(MergeProfile, is_the_same_when_done_twice)
{
    json once =
        profile_with("SCMP_ACT_ERRNO", R"([{"names": ["bpf", "mknod"], "action": "SCMP_ACT_ALLOW"}])");
    merge(once, some_claims());
    json twice = once;
    merge(twice, some_claims());
    EXPECT_EQ(once, twice);
}

TEST(MergeProfile, keeps_conditions_on_what_comes_back)
{
    json p = json::parse(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["bpf", "mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]})");
    merge(p, some_claims());
    const circumstances without = a_container();
    const circumstances with = {{"CAP_SYS_ADMIN"}, "6.1.0"};
    const compiled_filter weak(resolve(p, without)), strong(resolve(p, with));
    EXPECT_EQ(weak.verdict("bpf", {5}), notified);
    EXPECT_EQ(strong.verdict("bpf", {5}), notified);
    EXPECT_EQ(weak.verdict("bpf", {6}), refused(EACCES));
    EXPECT_EQ(strong.verdict("bpf", {6}), allowed);
    EXPECT_EQ(strong.verdict("mount", {}), allowed);
    EXPECT_EQ(weak.verdict("mount", {}), refused(EPERM));
}

TEST(MergeProfile, leaves_calls_that_no_rule_can_tell_to_a_default_that_refuses)
{
    const char *rules = R"([{"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
                            "args": [{"index": 0, "value": 100, "op": "SCMP_CMP_LT"}]}])";
    const compiled_filter after = merged(profile_with("SCMP_ACT_ERRNO", rules));
    EXPECT_EQ(after.verdict("bpf", {5}), notified);
    EXPECT_EQ(after.verdict("bpf", {99}), allowed);
    EXPECT_EQ(after.verdict("bpf", {100}), refused(EPERM));
    const compiled_filter unequal =
        merged(profile_with("SCMP_ACT_ERRNO", R"([{"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
                              "args": [{"index": 0, "value": 6, "op": "SCMP_CMP_NE"}]}])"));
    EXPECT_EQ(unequal.verdict("bpf", {7}), allowed);
    EXPECT_EQ(unequal.verdict("bpf", {6}), refused(EPERM));
    EXPECT_EQ(unequal.verdict("bpf", {1ULL << 40 | 6}), refused(EPERM));
}

TEST(MergeProfile, refuses_rules_of_which_the_container_decides_the_one_that_is_heeded)
{
    json p = json::parse(R"({"defaultAction": "SCMP_ACT_KILL", "syscalls": [
        {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["bpf"], "action": "SCMP_ACT_ALLOW"}]})");
    const json resolved = resolve(p, {{"CAP_SYS_ADMIN"}, "6.1.0"});
    EXPECT_THROW(merge(p, some_claims()), std::runtime_error);
    const compiled_filter after = merged(resolved);
    EXPECT_EQ(after.verdict("bpf", {5}), notified);
    EXPECT_EQ(after.verdict("bpf", {6}), refused(EPERM));
}

TEST(MergeProfile, refuses_restrictions_that_it_could_not_keep)
{
    json p = profile_with("SCMP_ACT_ALLOW", R"([{"names": ["bpf"], "action": "SCMP_ACT_ERRNO",
                          "args": [{"index": 0, "value": 6, "op": "SCMP_CMP_NE"}]}])");
    EXPECT_THROW(merge(p, some_claims()), std::runtime_error);
    p = profile_with("SCMP_ACT_NOTIFY", "[]");
    EXPECT_THROW(merge(p, some_claims()), std::runtime_error);
}

TEST(MergeProfile, compares_64_bit_parameters_whole_where_the_base_needs_no_rule_of_it)
{
    const std::vector<claim> wide = {{"getppid", 0, {equal_to(0, 5)}}};
    json none = profile_with("SCMP_ACT_ALLOW", "[]");
    merge(none, wide);
    EXPECT_EQ(compiled_filter(none).verdict("getppid", {5}), notified);
    EXPECT_EQ(compiled_filter(none).verdict("getppid", {1ULL << 32 | 5}), allowed);

    json allows = profile_with("SCMP_ACT_ERRNO", R"([{"names": ["getppid"], "action": "SCMP_ACT_ALLOW"}])");
    merge(allows, wide);
    const compiled_filter after(allows);
    EXPECT_EQ(after.verdict("getppid", {5}), notified);
    EXPECT_EQ(after.verdict("getppid", {6}), allowed);
    EXPECT_EQ(after.verdict("getppid", {5}, SCMP_ARCH_X86), notified);
    EXPECT_EQ(after.verdict("getppid", {6}, SCMP_ARCH_X86), allowed);
}

TEST(MergeLxc, takes_claimed_calls_out_of_lines_and_keeps_the_rest_as_written)
{
    const lxc_text base = parse_lxc("2\ndenylist\nreject_force_umount # a comment\n[all]\nbpf errno 1\n"
                                    "kexec_load errno 1\n[x86]\ngetppid kill\nmknod\n");
    const std::string text = merge_lxc(base, some_claims());
    EXPECT_THAT(text,
                testing::StartsWith("2\ndenylist\nreject_force_umount # a comment\n[all]\nbpf errno 1 [0,"));
    EXPECT_THAT(text, HasSubstr("\nkexec_load errno 1\n[x86]\nmknod kill [1,"));
    EXPECT_THAT(text, HasSubstr("\n[all]\nbpf notify [0,5,SCMP_CMP_MASKED_EQ,4294967295]\n"));
    EXPECT_THAT(text, HasSubstr("\nmknod notify [1,8192,SCMP_CMP_MASKED_EQ,61440]\ngetppid notify\n"));
    EXPECT_THAT(text, testing::EndsWith("\nseccomp errno 16 [0,1,SCMP_CMP_MASKED_EQ,4294967295]"
                                        "[1,8,SCMP_CMP_MASKED_EQ,8]\n"));
    const lxc_text again = parse_lxc(text);
    for (std::uint64_t n = 0; n < 64; ++n) {
        int lines = 0;
        for (const auto &l : again.lines) {
            for (const cube &c : l.calls) {
                lines += l.syscall == "bpf" && c.contains({n}) ? 1 : 0;
            }
        }
        EXPECT_EQ(lines, 1) << n;
    }
}

TEST(MergeLxc, says_what_is_wrong_in_a_line)
{
    const auto refusal = [](const char *text) -> std::string {
        try {
            parse_lxc(text);
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal("1\nallowlist\n3\n"), HasSubstr("line 1"));
    EXPECT_THAT(refusal("2\nlist\n"), HasSubstr("line 2"));
    EXPECT_THAT(refusal("2\ndenylist notify\n"), HasSubstr("line 2"));
    EXPECT_THAT(refusal("2\ndenylist\n\nbpf forbid\n"), HasSubstr("line 4: unknown action forbid"));
    EXPECT_THAT(refusal("2\ndenylist\nbpf notify [0,x,==]\n"), HasSubstr("line 3: no number: x"));
    EXPECT_THAT(refusal("2\ndenylist\nbpf notify [6,1,==]\n"), HasSubstr("line 3"));
    EXPECT_THAT(refusal("2"), HasSubstr("two lines"));
}

} // namespace
