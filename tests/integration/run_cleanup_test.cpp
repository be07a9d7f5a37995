// SPDX-License-Identifier: Apache-2.0
// However a run ends, nothing of it stays: no cgroup, mount, process or file.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mount_table.hpp"
#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

/// What a run of the process with this pid could leave.
std::set<std::string> leftovers(pid_t pid)
{
    std::set<std::string> found;
    const std::string name = "deputy-" + std::to_string(pid);
    for (const mount_entry &m : mount_table()) {
        if (m.type == "cgroup2") {
            std::error_code none;
            for (const auto &entry : std::filesystem::recursive_directory_iterator(m.point, none)) {
                if (entry.path().filename() == name) {
                    found.insert(entry.path());
                }
            }
        }
        if (m.point.find("deputy") != std::string::npos &&
            m.point.find(std::to_string(pid)) != std::string::npos) {
            found.insert(m.point);
        }
    }
    for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream in(entry.path() / "environ");
        std::ostringstream text;
        text << in.rdbuf();
        if (text.str().find("LEFT_BY=" + std::to_string(getpid())) != std::string::npos) {
            found.insert("process " + entry.path().filename().string());
        }
    }
    return found;
}

std::vector<std::string> marked_environment()
{
    return {"LEFT_BY=" + std::to_string(getpid()), "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
}

std::string mounts_now()
{
    std::ostringstream text;
    text << std::ifstream("/proc/self/mountinfo").rdbuf();
    return text.str();
}

/// Runs to the end and says what is left.
std::set<std::string> left_by(const std::vector<std::string> &argv, int expected_status)
{
    const std::string before = mounts_now();
    process p(argv, {.env = marked_environment()});
    const pid_t pid = p.pid();
    const outcome o = p.wait();
    EXPECT_EQ(o.status, expected_status) << o.err;
    EXPECT_EQ(mounts_now(), before);
    return leftovers(pid);
}

TEST(run_cleanup, leaves_nothing_after_success)
{
    EXPECT_THAT(left_by(deputy_command({"true"}), 0), testing::IsEmpty());
}

TEST(run_cleanup, ends_processes_and_cgroups_that_the_command_leaves)
{
    const char *script = "mkdir -p /sys/fs/cgroup/a/b /sys/fs/cgroup/.c; setsid sleep 1000 & "
                         "echo $! > /sys/fs/cgroup/a/b/cgroup.procs; exit 0";
    EXPECT_THAT(left_by(deputy_command({"sh", "-c", script}), 0), testing::IsEmpty());
}

TEST(run_cleanup, leaves_nothing_when_the_command_is_missing)
{
    EXPECT_THAT(left_by(deputy_command({"/no/such"}), 127), testing::IsEmpty());
}

TEST(run_cleanup, leaves_nothing_when_setting_up_fails)
{
    EXPECT_THAT(left_by(deputy_command({"true"}, {"--rootfs", "/no/such"}), 125), testing::IsEmpty());
    EXPECT_THAT(left_by(deputy_command({"true"}, {"--rootfs", "/proc"}), 125), testing::IsEmpty());
    EXPECT_THAT(left_by(deputy_command({"true"}, {"--bind", "/etc:/nowhere"}), 125), testing::IsEmpty());
}

TEST(run_cleanup, leaves_nothing_when_a_plugin_refuses_the_container)
{
    const std::vector<std::string> options = {"--plugin", DEPUTY_TEST_PLUGINS_DIR "/refuses.so", "--enable",
                                              "refuses"};
    EXPECT_THAT(left_by(deputy_command({"true"}, options), 125), testing::IsEmpty());
}

TEST(run_cleanup, ends_the_container_when_deputy_is_killed)
{
    const std::string before = mounts_now();
    process p(deputy_command({"sh", "-c", "setsid sleep 1000 & mkdir /sys/fs/cgroup/a; echo up; sleep 1000"}),
              {.env = marked_environment()});
    ASSERT_TRUE(p.wait_output("up"));
    const pid_t pid = p.pid();
    ASSERT_THAT(leftovers(pid), testing::Not(testing::IsEmpty())); // it can see what it looks for
    p.kill(SIGKILL);
    EXPECT_EQ(p.wait().status, 128 + SIGKILL);
    for (int i = 0; i < 1000 && !leftovers(pid).empty(); ++i) { // the reaper is at it
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_THAT(leftovers(pid), testing::IsEmpty());
    EXPECT_EQ(mounts_now(), before);
}

} // namespace
} // namespace deputyd::test
