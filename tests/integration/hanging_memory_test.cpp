// SPDX-License-Identifier: Apache-2.0
// A caller whose arguments lie in memory that is never delivered hangs itself only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mount.h>

#include "support/container.hpp"
#include "support/misc_device.hpp"

namespace deputyd::test
{
namespace
{

using deputy_test::misc_minor;
using testing::HasSubstr;

/// Starts the client on such memory, and another container while its call hangs; then lets the watchdog
/// answer.
/// @param server that keeps the host's thread in the kernel, which not even SIGKILL ends before it ends.
void expect_that_it_hangs_alone(const command &options, const command &kind_and_place,
                                const std::string &what, process *server = nullptr)
{
    command start =
        device_container(options, command{client("hang_client")} + kind_and_place + command{what});
    if (server != nullptr) { // its file system is mounted in its own mount namespace only
        start =
            command{"nsenter", "--mount=/proc/" + std::to_string(server->pid()) + "/ns/mnt", "--"} + start;
    }
    process p(start);
    ASSERT_TRUE(p.wait_output("served 10")) << p.wait().err;
    const outcome other = run(device_container(
        {}, {client("device_client"), "cgroup=/sys/fs/cgroup/one", "load=deny:1:5", "attach=0,2", "query"}));
    EXPECT_EQ(values(other.out)["query"], "1") << other.err;
    p.write("wait\n");
    EXPECT_TRUE(p.wait_output("hanging EPERM"));
    if (server != nullptr) {
        EXPECT_EQ(server->wait().status, 0);
    }
    const outcome o = p.wait();
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.out, "served 10\nhanging EPERM\n") << o.err;
}

class hanging_memory : public testing::TestWithParam<const char *>
{
};

TEST_P(hanging_memory, on_a_fuse_server_that_never_answers_hangs_its_caller_only)
{
    const unsigned minor = misc_minor("fuse");
    if (minor == 0) {
        GTEST_SKIP() << "this kernel has no /dev/fuse";
    }
    const scratch_directory nodes, mounted;
    nodes.add_device("fuse", 10, minor);
    process server({DEPUTY_BIN_DIR "/clients/hang_client", "serve", mounted.path(), nodes.path() / "fuse"});
    ASSERT_TRUE(server.wait_output("serving")) << server.wait().err;
    expect_that_it_hangs_alone({"--bind", mounted.path().string() + ":/run/hang"}, {"file", "/run/hang/file"},
                               GetParam(), &server);
}

TEST_P(hanging_memory, on_a_userfaultfd_hangs_its_caller_only)
{
    const unsigned minor = misc_minor("userfaultfd");
    if (minor == 0) {
        GTEST_SKIP() << "this kernel has no /dev/userfaultfd (it came with Linux 6.1)";
    }
    const scratch_directory nodes;
    nodes.add_device("userfaultfd", 10, minor);
    expect_that_it_hangs_alone({"--bind", nodes.path().string() + ":/run/nodes"},
                               {"userfaultfd", "/run/nodes/userfaultfd"}, GetParam());
}

/// A FUSE file system of the container's own does not even do that: the kernel sends it no request of a user
/// whom its user namespace does not know, such as the host.
TEST_P(hanging_memory, on_the_containers_own_fuse_server_fails)
{
    const unsigned minor = misc_minor("fuse");
    if (minor == 0) {
        GTEST_SKIP() << "this kernel has no /dev/fuse";
    }
    const scratch_directory nodes;
    nodes.add_device("fuse", 10, minor);
    const outcome o = run(device_container({"--bind", nodes.path().string() + ":/run/nodes"},
                                           {"/bin/sh", "-c",
                                            "mkdir /run/hang; echo wait | exec /run/clients/hang_client fuse "
                                            "/run/hang,/run/nodes/fuse " +
                                                std::string(GetParam())}));
    EXPECT_EQ(o.out, "hanging EFAULT\nserved 10\n") << o.err;
}

INSTANTIATE_TEST_SUITE_P(of, hanging_memory, testing::Values("attr", "insns", "license", "log"),
                         [](const testing::TestParamInfo<const char *> &info) {
                             return std::string(info.param);
                         });

} // namespace
} // namespace deputyd::test
