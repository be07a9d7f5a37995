// SPDX-License-Identifier: Apache-2.0
// Callers that are killed or interrupted at any moment leave nothing half done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Pair;

std::size_t descriptors(pid_t pid)
{
    std::error_code ignored;
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd", ignored);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// Waits for what happens in the background, where attached programs are looked after every two seconds;
/// at most ten. @return whether it did.
template <class Condition> bool eventually(Condition holds)
{
    for (int i = 0; i < 1000 && !holds(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return holds();
}

/// Of the programs that this process's containers load; at most 15 characters.
const std::string name = "killed_" + std::to_string(::getpid());

/// Sets the clients' name for programs.
command named(const command &inside)
{
    return command{"/usr/bin/env", "PROGRAM_NAME=" + name} + inside;
}

class killed_callers : public testing::TestWithParam<const char *>
{
};

TEST_P(killed_callers, leave_no_program_no_descriptor_and_a_host_that_serves)
{
    const std::string script =
        "mkdir /sys/fs/cgroup/one; /run/clients/device_client load=allow close=0; "
        "echo ready; read x; /run/clients/interrupted /sys/fs/cgroup/one 100 " +
        std::string(GetParam()) +
        "; /run/clients/device_client cgroup=/sys/fs/cgroup/one query; echo looked; read x; "
        "rmdir /sys/fs/cgroup/one; echo removed; read x; "
        "/run/clients/device_client cgroup=/sys/fs/cgroup/one query "
        "load=deny:1:5 attach=0,2 query enter open=/dev/zero";
    process p(device_container({}, named({"/bin/sh", "-c", script})));
    ASSERT_TRUE(p.wait_output("ready")) << p.wait().err;
    ASSERT_TRUE(eventually([] { return programs_named(name).empty(); }));
    const std::size_t before = descriptors(p.pid());
    p.write("\n");
    ASSERT_TRUE(p.wait_output("looked")) << p.wait().err;
    // One that was killed between its attach and its detach leaves what it attached, as on any host; all
    // others leave nothing.
    const auto queried = [&] { return std::stoul(values(p.output())["query"]); };
    EXPECT_TRUE(eventually([&] { return programs_named(name).size() <= queried(); }))
        << programs_named(name).size() << " programs are left, " << queried() << " are attached";
    p.write("\n");
    ASSERT_TRUE(p.wait_output("removed"));
    EXPECT_TRUE(eventually([] { return programs_named(name).empty(); }))
        << programs_named(name).size() << " programs are left";
    EXPECT_TRUE(eventually([&] { return descriptors(p.pid()) <= before; }))
        << descriptors(p.pid()) << " descriptors of the host, " << before << " before";
    p.write("\n");
    const outcome o = p.wait();
    EXPECT_THAT(values(o.out),
                IsSupersetOf({Pair("failed", "0"), Pair("leaked", "0"), Pair("afterwards", "ok")}))
        << o.err;
    EXPECT_THAT(
        o.out,
        HasSubstr("query 0\nload=deny:1:5 ok\nattach=0,2 ok\nquery 1\nenter ok\nopen=/dev/zero EPERM\n"));
}

INSTANTIATE_TEST_SUITE_P(by, killed_callers, testing::Values("kill", "signal", "restart"),
                         [](const testing::TestParamInfo<const char *> &info) {
                             return std::string(info.param);
                         });

class killed_hosts : public testing::TestWithParam<int>
{
};

TEST_P(killed_hosts, leave_no_program)
{
    {
        process p(
            device_container({}, named({client("device_client"), "cgroup=/sys/fs/cgroup/one", "load=deny:1:5",
                                        "attach=0,2", "id=0", "load=allow", "say=ready", "wait"})));
        ASSERT_TRUE(p.wait_output("say=ready")) << p.wait().err;
        EXPECT_FALSE(programs_named(name).empty());
        p.kill(GetParam());
        p.wait();
    }
    EXPECT_TRUE(eventually([] { return programs_named(name).empty(); }))
        << programs_named(name).size() << " programs are left";
}

INSTANTIATE_TEST_SUITE_P(by, killed_hosts, testing::Values(SIGTERM, SIGKILL),
                         [](const testing::TestParamInfo<int> &info) {
                             return std::string(info.param == SIGKILL ? "kill" : "term");
                         });

} // namespace
} // namespace deputyd::test
