// SPDX-License-Identifier: Apache-2.0
// Profiles that hand over what their base denies: what a container gets is the same.
#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metadata_word.hpp"
#include "base/syscall_name.hpp"
#include "caller/denied_calls.hpp"
#include "profile/lint.hpp"
#include "profile/supervise_config.hpp"
#include "profile/write.hpp"
#include "support/filter_verdict.hpp"

namespace
{

using namespace deputyd::profile;
using deputy_test::compiled_filter;
using deputyd::denied_calls;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint32_t notified = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t refused(std::uint32_t error)
{
    return SECCOMP_RET_ERRNO | error;
}

const std::vector<claim> nothing = {{"seccomp", EBUSY, {new_listener()}}};

/// A base and what is made of it.
class audited
{
public:
    explicit audited(const std::string &base, const std::vector<claim> &wanted = nothing,
                     const std::string &metadata = "", format kind = format::oci)
        : file_(testing::TempDir() + "deputy-denied-" + std::to_string(::getpid()))
    {
        std::ofstream(file_) << base;
        r.base = file_;
        r.kind = kind;
        r.metadata = metadata;
        r.audit_denied = true;
        r.where = {{"CAP_CHOWN"}, "6.1.0"};
        text = write_profile(r, wanted, &notes);
    }
    ~audited() { std::filesystem::remove(file_); }
    audited(const audited &) = delete;
    audited &operator=(const audited &) = delete;

    [[nodiscard]] json profile() const { return json::parse(text); }
    [[nodiscard]] denied_calls table() const
    {
        return deputyd::parse_denied(
            deputyd::metadata_word(profile().at("listenerMetadata").get<std::string>(), "denied"));
    }
    /// What a container gets now that no handler takes its calls.
    [[nodiscard]] std::uint32_t got(const compiled_filter &filter, const std::string &name,
                                    const std::array<std::uint64_t, 6> &args, std::uint32_t arch) const
    {
        const std::uint32_t verdict = filter.verdict(name, args, arch);
        // Of what is multiplexed the host sees the one number.
        const int nr = seccomp_syscall_resolve_name_arch(arch, name.c_str());
        const std::uint32_t seen = arch == SCMP_ARCH_NATIVE ? seccomp_arch_native() : arch;
        const int error = verdict == notified ? table_.error_of(deputyd::syscall_name(seen, nr, args[0])) : 0;
        return verdict == notified && error != 0 ? refused(static_cast<std::uint32_t>(error)) : verdict;
    }

    recipe r;
    std::string text;
    std::vector<std::string> notes;
    void read_table() { table_ = table(); }

private:
    std::string file_;
    denied_calls table_;
};

std::vector<std::string> all_names(std::uint32_t arch)
{
    std::vector<std::string> names;
    for (int nr = 0; nr < 500; ++nr) {
        const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(arch, nr),
                                                               &std::free);
        if (name != nullptr && seccomp_syscall_resolve_name_arch(arch, name.get()) >= 0) {
            names.emplace_back(name.get());
        }
    }
    return names;
}

/// Argument lists on both sides of what the bases compare.
std::vector<std::array<std::uint64_t, 6>> argument_lists()
{
    const std::uint64_t values[] = {0,  1,  2,  3,       5,       8,          9,         10,
                                    16, 17, 20, 0x20000, 0x20008, 0x10000000, 0xffffffff};
    std::vector<std::array<std::uint64_t, 6>> all;
    for (const std::uint64_t a : values) {
        for (const std::uint64_t b : {0ULL, 5ULL, 9ULL, 0x1000ULL}) {
            all.push_back({a, b, b, a, 0, 0});
            all.push_back({a | 1ULL << 40, b, b | 1ULL << 32, a, 0, 0});
        }
    }
    return all;
}

class AuditedProfile : public testing::TestWithParam<const char *>
{
};

/// For every system call of both architectures.
TEST_P(AuditedProfile, gives_every_call_the_same_answer)
{
    audited a(GetParam());
    a.read_table();
    const compiled_filter before(resolve(json::parse(GetParam()), a.r.where)), after(a.profile());
    EXPECT_LE(after.size(), static_cast<std::size_t>(BPF_MAXINSNS));
    std::size_t handed_over = 0;
    for (const std::uint32_t arch : {SCMP_ARCH_NATIVE, SCMP_ARCH_X86}) {
        for (const std::string &name : all_names(arch)) {
            for (std::array<std::uint64_t, 6> args : argument_lists()) {
                if (name == "seccomp") {
                    args[0] = SECCOMP_GET_ACTION_AVAIL; // else the refusal of a listener
                }
                ASSERT_EQ(a.got(after, name, args, arch), before.verdict(name, args, arch))
                    << name << " " << args[0] << " " << args[1] << " " << arch;
                handed_over += after.verdict(name, args, arch) == notified ? 1 : 0;
            }
        }
    }
    EXPECT_GT(handed_over, 0U);
    EXPECT_THAT(lint(a.text, a.r.where, std::nullopt), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Bases, AuditedProfile,
    testing::Values(
        // explicit rules
        R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["swapon", "swapoff"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
            {"names": ["reboot"], "action": "SCMP_ACT_KILL"},
            {"names": ["ptrace", "kcmp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2,
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_GE"}]}]})",
        // a default that denies, and what is allowed for some arguments
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read", "write", "close", "swapon", "seccomp", "listxattr", "memfd_create", "futex"],
             "action": "SCMP_ACT_ALLOW"},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 131080, "op": "SCMP_CMP_EQ"}]},
            {"names": ["clone"], "action": "SCMP_ACT_LOG",
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 9, "op": "SCMP_CMP_NE"}]},
            {"names": ["kcmp"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_LT"}, {"index": 1, "value": 5, "op": "SCMP_CMP_NE"}]},
            {"names": ["reboot"], "action": "SCMP_ACT_KILL"}]})",
        // errnos of their own, one that is the default's, a rule that silences others
        R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
            {"names": ["read", "write", "seccomp"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["mount", "umount2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["swapon"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["swapon"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]},
            {"names": ["setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]},
            {"names": ["setns"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]})",
        // several errnos for one call; one that takes sides in the order of podman's socket()
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read", "write", "socketcall", "ipc", "seccomp", "statx"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22,
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22,
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]}]})",
        // a multiplexed call that is allowed, and one for certain arguments
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read", "write", "bind", "statx", "seccomp"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["connect"], "action": "SCMP_ACT_ERRNO", "errnoRet": 111},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]})",
        // more to say than a filter has room for
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read", "write", "seccomp"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["acct", "kcmp", "keyctl", "mount", "ptrace", "quotactl", "reboot", "setns", "swapoff", "swapon",
                       "syslog", "umount2", "unshare", "vhangup"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]}]})",
        // what fails with success, and with what no host can say
        R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["swapon"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
            {"names": ["swapoff"], "action": "SCMP_ACT_ERRNO", "errnoRet": 512},
            {"names": ["write", "sendmsg", "clone3", "seccomp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})"));

TEST(AuditDenied, hands_over_what_podmans_profile_denies)
{
    const char *file = "/usr/share/containers/seccomp.json";
    if (!std::filesystem::exists(file)) {
        GTEST_SKIP() << "no profile of podman's is installed";
    }
    const std::string base = read_profile(file);
    audited a(base);
    a.read_table();
    const compiled_filter before(resolve(json::parse(base), a.r.where)), after(a.profile());
    EXPECT_LE(after.size(), static_cast<std::size_t>(BPF_MAXINSNS));
    for (const std::uint32_t arch : {SCMP_ARCH_NATIVE, SCMP_ARCH_X86}) {
        for (const std::string &name : all_names(arch)) {
            for (const auto &args : argument_lists()) {
                if (name != "seccomp") {
                    ASSERT_EQ(a.got(after, name, args, arch), before.verdict(name, args, arch)) << name;
                }
            }
        }
    }
    EXPECT_EQ(after.verdict("swapon", {}), notified);
    EXPECT_EQ(a.table().error_of("swapon"), EPERM);
    EXPECT_EQ(after.verdict("add_key", {}), notified);
    EXPECT_EQ(a.table().error_of("add_key"), ENOSYS);
    EXPECT_EQ(after.verdict("socket", {16, 3, 9}), notified);
    EXPECT_EQ(a.table().error_of("socket"), EINVAL);
    EXPECT_EQ(after.verdict("personality", {8}), static_cast<std::uint32_t>(SECCOMP_RET_ALLOW));
    EXPECT_EQ(after.verdict("personality", {9}), notified);
    EXPECT_LT(a.table().word().size(), 2048U);
}

const char *allows_mknod = R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
    {"names": ["mknod", "ptrace", "read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]})";

TEST(AuditDenied, leaves_handlers_what_they_claim)
{
    cube device;
    device.mask[1] = 0xf000;
    device.value[1] = 0x2000;
    cube load;
    load.mask[0] = 0xffffffff;
    load.value[0] = 5;
    audited a(allows_mknod,
              {{"bpf", 0, {load}}, {"mknod", 0, {device}}, {"seccomp", EBUSY, {new_listener()}}},
              "policy=nested");
    const compiled_filter after(a.profile());
    EXPECT_EQ(after.verdict("bpf", {5}), notified);
    EXPECT_EQ(after.verdict("bpf", {6}), notified);
    EXPECT_EQ(a.table().error_of("bpf"), EPERM);
    EXPECT_EQ(after.verdict("mknod", {0, 0x2000}), notified);
    EXPECT_EQ(after.verdict("mknod", {0, 0x1000}), static_cast<std::uint32_t>(SECCOMP_RET_ALLOW));
    EXPECT_EQ(a.table().error_of("mknod"), 0); // it is not denied: a host without the handler refuses it
    EXPECT_EQ(after.verdict("seccomp", {1, 8}), refused(EBUSY));
    EXPECT_THAT(a.profile().at("listenerMetadata").get<std::string>(),
                testing::StartsWith("policy=nested denied="));
}

TEST(AuditDenied, says_what_stays_with_the_filter)
{
    audited several(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["read", "cachestat"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22,
         "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]}]})");
    EXPECT_THAT(several.notes, Contains(HasSubstr("they have several errnos each: ptrace")));
    EXPECT_THAT(several.notes, Contains(HasSubstr("runtimes make them before the listener is served: ")));
    EXPECT_EQ(compiled_filter(several.profile()).verdict("ptrace", {16}), refused(EINVAL));
    EXPECT_EQ(compiled_filter(several.profile()).verdict("write", {}), refused(EPERM));
}

/// runc's filters answer with ENOSYS above the highest number that a profile names.
TEST(AuditDenied, does_not_name_calls_that_are_newer_than_the_base)
{
    audited a(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["read", "memfd_create"], "action": "SCMP_ACT_ALLOW"}]})");
    const compiled_filter after(a.profile());
    EXPECT_EQ(after.verdict("swapon", {}), notified);
    EXPECT_EQ(after.verdict("io_uring_setup", {}), refused(EPERM));
    EXPECT_THAT(a.notes,
                Contains(testing::AllOf(HasSubstr("runc answers with ENOSYS"), HasSubstr("io_uring_setup"))));
}

TEST(AuditDenied, settles_conditions_for_docker_too)
{
    audited a(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["swapon"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]})",
              nothing, "", format::docker);
    EXPECT_THAT(a.text, Not(HasSubstr("mount")));
    EXPECT_THAT(a.text, Not(HasSubstr("cludes")));
    EXPECT_EQ(compiled_filter(a.profile()).verdict("swapon", {}), notified);
}

TEST(AuditDenied, needs_something_that_is_denied)
{
    recipe r;
    r.audit_denied = true;
    for (const format f : {format::oci, format::docker, format::lxc}) {
        r.kind = f;
        EXPECT_THROW(write_profile(r, nothing), std::runtime_error);
    }
    EXPECT_THROW(audited(R"({"defaultAction": "SCMP_ACT_ALLOW"})"), std::runtime_error);
    EXPECT_THROW(audited(R"({"defaultAction": "SCMP_ACT_KILL"})"), std::runtime_error);
    EXPECT_THROW(audited(allows_mknod, nothing, "denied=EPERM"), std::runtime_error);
}

TEST(AuditDenied, is_for_lxc_a_cookie)
{
    const audited a(
        "2\ndenylist\nreject_force_umount # a comment\n[all]\nkexec_load errno 1\nswapon errno 38 # why\n"
        "swapoff errno 1\nptrace errno 1 [0,16,SCMP_CMP_EQ]\nreboot kill\n[x86]\nkcmp errno 1\n",
        nothing, "", format::lxc);
    EXPECT_EQ(a.text, "2\ndenylist\nreject_force_umount # a comment\n[all]\n"
                      "ptrace notify [0,16,SCMP_CMP_EQ]\nreboot kill\n[x86]\nkcmp errno 1\n[all]\n"
                      "seccomp errno 16 [0,1,SCMP_CMP_MASKED_EQ,4294967295][1,8,SCMP_CMP_MASKED_EQ,8]\n"
                      "kexec_load notify\nswapoff notify\nswapon notify\n");
    EXPECT_THAT(a.notes, Contains("lxc.seccomp.notify.cookie = denied=EPERM/swapon:ENOSYS"));
    EXPECT_THAT(a.notes, Contains(HasSubstr("they have rules for one architecture: kcmp")));
    EXPECT_THAT(lint(a.text, a.r.where, std::nullopt), IsEmpty());
}

TEST(AuditDenied, completes_lists_of_lxc_that_deny_by_default)
{
    const audited a(
        "2\nallowlist errno 1\n[all]\nread\nmemfd_create\nclone [0,2114060288,SCMP_CMP_MASKED_EQ,0]\n"
        "personality [0,8,SCMP_CMP_EQ]\n",
        nothing, "", format::lxc);
    EXPECT_THAT(a.text, HasSubstr("\nswapon notify\n"));
    EXPECT_THAT(a.text, HasSubstr("\npersonality notify [0,"));
    EXPECT_THAT(a.text, HasSubstr("\nread\n"));
    for (const char *never :
         {"\nopenat notify", "\nopen notify", "\nwrite notify", "\nsendmsg notify", "\nread notify"}) {
        EXPECT_THAT(a.text, Not(HasSubstr(never)));
    }
    EXPECT_THAT(a.notes, Contains(testing::StartsWith("lxc.seccomp.notify.cookie = denied=EPERM")));
}

TEST(SuperviseConfig, keeps_what_a_profile_says_that_it_denies)
{
    const audited a(allows_mknod);
    json config = {{"linux", {{"seccomp", a.profile()}}}};
    const std::vector<claim> wanted = {{"mknod", 0, {cube{}}}, {"bpf", 0, {cube{}}}};
    supervise(config, wanted, a.profile()["listenerPath"], "p");
    const std::string metadata = config["linux"]["seccomp"]["listenerMetadata"];
    EXPECT_THAT(metadata, testing::StartsWith("policy=p denied=ENOSYS/"));
    const denied_calls table = deputyd::parse_denied(deputyd::metadata_word(metadata, "denied"));
    EXPECT_EQ(table.error_of("mknod"), 0);
    EXPECT_EQ(table.error_of("bpf"), EPERM);
    EXPECT_EQ(table.error_of("swapon"), ENOSYS);
}

} // namespace
