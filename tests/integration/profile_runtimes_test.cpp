// SPDX-License-Identifier: Apache-2.0
// Profiles that deputy writes, in real runtimes.
#include <cerrno>
#include <sys/syscall.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deputy.hpp"
#include "support/listener_agent.hpp"
#include "support/oci_bundle.hpp"

namespace
{

using deputy_test::listener_agent;
using deputy_test::oci_bundle;
using deputyd::test::deputy_binary;
using deputyd::test::outcome;
using testing::HasSubstr;
using testing::Not;

const std::string program = DEPUTY_BIN_DIR "/clients/profile_calls";

outcome deputy_profile(std::vector<std::string> options)
{
    std::vector<std::string> argv = {deputy_binary,       "profile",      "--enable",
                                     "bpf_cgroup_device", "--plugin-dir", DEPUTY_PLUGINS_DIR};
    argv.insert(argv.end(), options.begin(), options.end());
    return deputyd::test::run(argv);
}

/// What the agent must have seen: the two loads and nothing else.
void expect_loads(const listener_agent &agent)
{
    ASSERT_TRUE(agent.has_listener());
    ASSERT_EQ(agent.calls().size(), 2U);
    for (const auto &call : agent.calls()) {
        EXPECT_EQ(call.nr, SYS_bpf);
        EXPECT_EQ(static_cast<std::uint32_t>(call.first_argument), 5U);
    }
}

struct variant {
    const char *runtime;
    const char *base;
    const char *named; ///< --runtime
};
class ProfileInRuntime : public testing::TestWithParam<variant>
{
};

TEST_P(ProfileInRuntime, leads_the_wanted_calls_to_the_listener_and_no_others)
{
    const oci_bundle bundle(program);
    listener_agent agent(bundle.file("agent.sock"), EXDEV);
    const outcome written = deputy_profile({"--base", GetParam().base, "--socket", bundle.file("agent.sock"),
                                            "--metadata", "policy=test", "--runtime", GetParam().named});
    ASSERT_EQ(written.status, 0) << written.err;
    auto config = bundle.config();
    config["linux"]["seccomp"] = nlohmann::ordered_json::parse(written.out);
    bundle.write_config(config);
    const outcome ran = bundle.run({GetParam().runtime});
    EXPECT_EQ(ran.status, 0) << ran.err;
    agent.stop();
    EXPECT_THAT(ran.out,
                HasSubstr("load=" + std::to_string(EXDEV) + "\nload_upper=" + std::to_string(EXDEV)));
    EXPECT_THAT(ran.out, Not(HasSubstr("map_create=" + std::to_string(EXDEV)))); // the kernel's answer
    if (GetParam().base == std::string("default")) {
        EXPECT_THAT(ran.out, HasSubstr("map_create=" + std::to_string(EPERM))); // the base's
    }
    EXPECT_THAT(ran.out, HasSubstr("listener=" + std::to_string(EBUSY)));
    EXPECT_THAT(ran.out, HasSubstr("filter=" + std::to_string(EFAULT))); // the kernel's, for a filter at NULL
    expect_loads(agent);
    EXPECT_EQ(agent.message().value("metadata", ""), "policy=test");
}

INSTANTIATE_TEST_SUITE_P(
    All, ProfileInRuntime,
    testing::Values(variant{"runc", "none", "runc=1.1.5"}, variant{"runc", "default", "runc=1.1.5"},
                    variant{"crun", "none", "crun=1.8.1"}, variant{"crun", "default", "crun=1.8.1"}),
    [](const auto &tested) { return std::string(tested.param.runtime) + "_base_" + tested.param.base; });

TEST(ProfileCommand, lints_what_it_writes_and_what_others_wrote)
{
    const oci_bundle bundle(program);
    for (const char *format : {"oci", "docker", "lxc"}) {
        const outcome written = deputy_profile({"--format", format, "--base", "default"});
        ASSERT_EQ(written.status, 0) << written.err;
        std::ofstream(bundle.file("profile")) << written.out;
        const outcome linted = deputyd::test::run({deputy_binary, "profile", "lint", bundle.file("profile")});
        EXPECT_EQ(linted.status, 0) << linted.out << linted.err;
    }
    std::ofstream(bundle.file("bad")) << R"({"defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [
        {"names": ["mknod"], "action": "SCMP_ACT_ALLOW"}, {"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}]})";
    const outcome table = deputyd::test::run({deputy_binary, "profile", "lint", bundle.file("bad")});
    EXPECT_EQ(table.status, 1);
    EXPECT_THAT(table.out, HasSubstr("shadowed-rule  mknod"));
    EXPECT_THAT(table.out, HasSubstr("no-listener    listenerPath"));
    const outcome as_json = deputyd::test::run(
        {deputy_binary, "profile", "lint", "--json", "--runtime", "runc=1.1.5", bundle.file("bad")});
    EXPECT_EQ(as_json.status, 1);
    EXPECT_EQ(nlohmann::json::parse(as_json.out)[0]["check"], "shadowed-rule");
}

TEST(ProfileCommand, says_what_it_cannot_do)
{
    EXPECT_EQ(deputy_profile({"--base", "/nonexistent"}).status, 125);
    EXPECT_THAT(deputy_profile({"--base", "/nonexistent"}).err, HasSubstr("/nonexistent"));
    EXPECT_EQ(deputy_profile({"--enable", "bpf_cgroup_devise"}).status, 125);
    EXPECT_EQ(deputy_profile({"--format", "toml"}).status, 125);
    EXPECT_EQ(deputyd::test::run({deputy_binary, "profile", "lint", "/nonexistent"}).status, 125);
}

} // namespace
