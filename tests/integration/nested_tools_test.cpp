// SPDX-License-Identifier: Apache-2.0
// bpftool, libbpf and the NVIDIA tool's sequence inside an unprivileged container.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;

command script(const std::string &text)
{
    return {"/bin/sh", "-euc", text};
}

const std::string attach_one =
    "mkdir /sys/fs/cgroup/one; "
    "/run/clients/device_client cgroup=/sys/fs/cgroup/one load=deny:1:5 attach=0,2 "
    "id=0 > /run/said; cat /run/said; id=$(sed -n 's/^id=0 //p' /run/said); ";

TEST(nested_bpftool, shows_the_containers_own_device_program_and_no_other)
{
    const outcome o =
        run(device_container({}, script(attach_one + "bpftool cgroup show /sys/fs/cgroup/one")));
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    const std::string id = values(o.out)["id=0"];
    EXPECT_THAT(o.out, ContainsRegex("\n" + id + " +(cgroup_)?device +multi"));
    const std::string table = o.out.substr(o.out.find("ID"));
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2) << "more than the head and one program:\n"
                                                               << table;
}

TEST(nested_bpftool, shows_nothing_of_the_containers_own_cgroup)
{
    const outcome o = run(device_container({}, script(attach_one + "bpftool cgroup show /sys/fs/cgroup")));
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_THAT(o.out, Not(HasSubstr("multi")));
}

TEST(nested_bpftool, shows_a_program_of_the_container_by_its_id)
{
    const outcome o = run(device_container({}, script(attach_one + "bpftool prog show id $id")));
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_THAT(o.out, ContainsRegex(values(o.out)["id=0"] + ": cgroup_device +name deputy_test"));
}

TEST(nested_bpftool, dumps_the_instructions_of_a_program_of_the_container)
{
    const outcome o = run(device_container({}, script(attach_one + "bpftool prog dump xlated id $id")));
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_THAT(o.out, HasSubstr("exit"));
}

TEST(nested_bpftool, is_refused_without_the_plugin)
{
    const outcome o = run(plain_container(
        {},
        script("mkdir /sys/fs/cgroup/one; bpftool cgroup show /sys/fs/cgroup/one; bpftool prog show id 1")));
    EXPECT_NE(o.status, 0);
}

TEST(nested_libbpf, enforces_the_program_of_a_thread_that_is_not_the_leader)
{
    const outcome o =
        run(device_container({}, script("mkdir /sys/fs/cgroup/one; "
                                        "/run/clients/libbpf_client /sys/fs/cgroup/one 1 5 /dev/zero")));
    EXPECT_EQ(o.out, "load ok\nattach ok\nquery ok\nprograms 1\ninfo ok\nenter ok\nopen EPERM\n"
                     "detach ok\nopen ok\n")
        << o.err;
}

TEST(nested_libbpf, is_refused_without_the_plugin)
{
    const outcome o =
        run(plain_container({}, script("mkdir /sys/fs/cgroup/one; "
                                       "/run/clients/libbpf_client /sys/fs/cgroup/one 1 5 /dev/zero")));
    EXPECT_THAT(values(o.out), IsSupersetOf({Pair("load", "EPERM"), Pair("open", "ok")})) << o.err;
}

TEST(nested_client, loads_attaches_queries_replaces_and_detaches)
{
    const outcome o = run(device_container({}, {client("device_client"),
                                                "cgroup=/sys/fs/cgroup/one",
                                                "load=deny:1:5",
                                                "attach=0,2",
                                                "query",
                                                "enter",
                                                "open=/dev/null",
                                                "open=/dev/zero",
                                                "load=deny:1:7",
                                                "replace=1,0",
                                                "query",
                                                "open=/dev/zero",
                                                "open=/dev/full",
                                                "fetch=0",
                                                "detach=2",
                                                "query",
                                                "open=/dev/full",
                                                "load=deny",
                                                "attach=3,2",
                                                "close=3",
                                                "open=/dev/null",
                                                "cgroup=/sys/fs/cgroup",
                                                "enter",
                                                "open=/dev/null"}));
    EXPECT_EQ(o.out, "cgroup=/sys/fs/cgroup/one ok\nload=deny:1:5 ok\nattach=0,2 ok\nquery 1\nenter ok\n"
                     "open=/dev/null ok\nopen=/dev/zero EPERM\nload=deny:1:7 ok\nreplace=1,0 ok\nquery 1\n"
                     "open=/dev/zero ok\nopen=/dev/full EPERM\nfetch=0 ok\ndetach=2 ok\nquery 0\n"
                     "open=/dev/full ok\nload=deny ok\nattach=3,2 ok\nclose=3 ok\nopen=/dev/null EPERM\n"
                     "cgroup=/sys/fs/cgroup ok\nenter ok\nopen=/dev/null ok\n")
        << o.err;
}

TEST(nested_client, is_refused_without_the_plugin)
{
    const outcome o = run(plain_container({}, {client("device_client"), "cgroup=/sys/fs/cgroup/one",
                                               "load=deny", "query", "enter", "open=/dev/zero"}));
    EXPECT_EQ(o.out,
              "cgroup=/sys/fs/cgroup/one ok\nload=deny EPERM\nquery EPERM\nenter ok\nopen=/dev/zero ok\n");
}

/// A container with rules that refuse /dev/zero gets it from the tool.
constexpr const char *nvidia =
    "/run/clients/device_client cgroup=/sys/fs/cgroup/one load=deny:1:5 attach=0,2 enter open=/dev/zero "
    "cgroup=/sys/fs/cgroup enter; "
    "echo tool; /run/clients/nvidia_sequence /sys/fs/cgroup/one 1 5 || echo failed; "
    "echo then; /run/clients/device_client cgroup=/sys/fs/cgroup/one query enter open=/dev/zero";

TEST(nested_nvidia_sequence, gives_a_device_to_a_container_with_rules)
{
    const outcome o = run(device_container({}, script(nvidia)));
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("attach=0,2 ok\nenter ok\nopen=/dev/zero EPERM\n"));
    EXPECT_THAT(o.out, HasSubstr("tool\nopen ok\nquery ok\nprograms 1\nfetch ok\ninfo ok\ninstructions ok\n"
                                 "load ok\ndetach ok\nattach ok\ndone 1\nthen\n"));
    EXPECT_THAT(o.out, HasSubstr("query 1\nenter ok\nopen=/dev/zero ok\n"));
}

TEST(nested_nvidia_sequence, fails_at_its_first_step_without_the_plugin)
{
    const outcome o = run(plain_container({}, script(nvidia)));
    EXPECT_THAT(o.out, HasSubstr("tool\nopen ok\nquery EPERM\nfailed\n")) << o.err;
}

} // namespace
} // namespace deputyd::test
