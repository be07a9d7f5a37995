// SPDX-License-Identifier: Apache-2.0
// What the container is: its ids, namespaces, cgroup, and what it sees of the host's files.
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
using testing::Not;

outcome sh(const std::string &script, const std::vector<std::string> &options = {})
{
    return deputy_run({"sh", "-c", script}, options);
}

std::string link(const std::string &path)
{
    return std::filesystem::read_symlink(path).string();
}

TEST(run_ids, are_root_inside_and_a_range_of_65536_without_rights_outside)
{
    const outcome o = sh("id -u; id -g; id -G; cat /proc/self/uid_map /proc/self/gid_map");
    std::istringstream in(o.out);
    unsigned uid = 1, gid = 1, groups = 1;
    in >> uid >> gid >> groups;
    EXPECT_EQ(uid + gid + groups, 0U) << o.out;
    for (int map = 0; map < 2; ++map) {
        unsigned inside = 1, base = 0, count = 0;
        in >> inside >> base >> count;
        EXPECT_EQ(inside, 0U);
        EXPECT_GE(base, 0x60000000U);
        EXPECT_EQ(base % 65536, 0U);
        EXPECT_EQ(count, 65536U);
    }
}

TEST(run_ids, of_two_containers_at_once_differ)
{
    std::set<std::string> maps;
    std::vector<std::unique_ptr<process>> running;
    for (int i = 0; i < 4; ++i) {
        running.push_back(std::make_unique<process>(
            deputy_command({"sh", "-c", "cat /proc/self/uid_map; echo up; read line"})));
    }
    for (const auto &p : running) {
        EXPECT_TRUE(p->wait_output("up"));
    }
    for (const auto &p : running) {
        maps.insert(p->wait().out);
    }
    EXPECT_EQ(maps.size(), running.size());
}

TEST(run_namespaces, are_the_containers_own)
{
    const outcome o =
        sh("for n in user pid mnt ipc uts net cgroup; do readlink /proc/self/ns/$n; done; echo pid $$");
    std::istringstream in(o.out);
    for (const char *name : {"user", "pid", "mnt", "ipc", "uts", "net", "cgroup"}) {
        std::string theirs;
        in >> theirs;
        EXPECT_THAT(theirs, testing::StartsWith(std::string(name) + ":["));
        EXPECT_NE(theirs, link(std::string("/proc/self/ns/") + name));
    }
    EXPECT_THAT(o.out, HasSubstr("pid 1\n"));
}

TEST(run_net, none_has_a_loopback_interface_that_is_up_and_no_other)
{
    const outcome o = sh("tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/fib_trie");
    EXPECT_THAT(o.out, HasSubstr("lo\n"));
    EXPECT_THAT(o.out, HasSubstr("127.0.0.1"));
    EXPECT_THAT(o.out, Not(HasSubstr("eth")));
}

TEST(run_net, host_is_the_hosts)
{
    EXPECT_EQ(sh("readlink /proc/self/ns/net", {"--net", "host"}).out, link("/proc/self/ns/net") + "\n");
}

TEST(run_cgroup, is_mounted_and_may_be_managed)
{
    const outcome o =
        sh("stat -f -c %T /sys/fs/cgroup; grep ^0:: /proc/self/cgroup; cd /sys/fs/cgroup; "
           "grep -x 1 cgroup.procs; mkdir -p a/b; echo $$ > a/b/cgroup.procs; "
           "grep ^0:: /proc/self/cgroup; echo + > cgroup.subtree_control 2>/dev/null; ls -d a/*/");
    EXPECT_EQ(o.out, "cgroup2fs\n0::/\n1\n0::/a/b\na/b/\n") << o.err;
}

TEST(run_processes, are_the_containers_only_also_where_proc_is_taken_off)
{
    EXPECT_EQ(sh("echo /proc/[0-9]*; umount /proc; echo /proc/*").out, "/proc/1\n/proc/*\n");
}

TEST(run_files, of_the_host_are_there_but_not_writable)
{
    const std::string mark = "/var/tmp/deputy-test-" + std::to_string(getpid());
    const outcome o = sh("cmp /etc/passwd /etc/passwd && echo same; echo x >> /etc/passwd; touch " + mark +
                         "; mount -o remount,rw / ; touch /root/x /etc/x /x");
    EXPECT_THAT(o.out, HasSubstr("same\n"));
    EXPECT_NE(o.status, 0);
    EXPECT_FALSE(std::filesystem::exists(mark));
    for (const char *file : {"/x", "/etc/x", "/root/x"}) {
        EXPECT_FALSE(std::filesystem::exists(file)) << file;
    }
}

TEST(run_files, tmp_and_run_are_fresh_and_writable_and_cannot_be_uncovered)
{
    for (const char *place : {"/tmp", "/run", "/dev/shm", "/var/tmp"}) {
        const std::string p = place;
        const outcome o = sh("ls -A " + p + " | wc -l; echo text > " + p + "/f; cat " + p + "/f; umount " +
                             p + " 2>/dev/null || echo kept");
        EXPECT_EQ(o.out, "0\ntext\nkept\n") << place << ": " << o.err;
    }
}

TEST(run_files, device_nodes_can_be_opened_on_tmp_and_run)
{
    // Only the host makes such nodes: this test is the host, and reaches the container's /tmp by its root.
    process p(deputy_command({"sh", "-c",
                              "echo up; read line; for d in /tmp /run; do echo x > $d/null && "
                              "head -c 3 $d/zero | wc -c; done"}));
    ASSERT_TRUE(p.wait_output("up"));
    std::ifstream children("/proc/" + std::to_string(p.pid()) + "/task/" + std::to_string(p.pid()) +
                           "/children");
    std::string child, inside;
    while (children >> child) {
        std::error_code none;
        const std::string root = "/proc/" + child + "/root";
        if (std::filesystem::exists(root + "/tmp", none) &&
            std::filesystem::read_symlink("/proc/" + child + "/ns/user", none) !=
                link("/proc/self/ns/user")) {
            inside = root;
        }
    }
    ASSERT_FALSE(inside.empty());
    for (const std::string directory : {"/tmp", "/run"}) {
        const std::string null = inside + directory + "/null", zero = inside + directory + "/zero";
        ASSERT_EQ(mknod(null.c_str(), S_IFCHR | 0666, 0x103), 0);
        ASSERT_EQ(mknod(zero.c_str(), S_IFCHR | 0666, 0x105), 0);
        struct stat st {
        };
        ASSERT_EQ(stat((inside + directory).c_str(), &st), 0);
        for (const std::string &node : {null, zero}) { // the kernel distrusts other owners in sticky places
            ASSERT_EQ(chmod(node.c_str(), 0666), 0);
            ASSERT_EQ(chown(node.c_str(), st.st_uid, st.st_gid), 0);
        }
    }
    p.write("go\n");
    const outcome o = p.wait();
    EXPECT_EQ(o.out, "up\n3\n3\n") << o.err;
}

TEST(run_environment, is_passed_on_with_roots_home)
{
    const outcome o = run(deputy_command({"/usr/bin/env"}), {.env = {{"COLOR=red", "HOME=/home/x"}}});
    EXPECT_THAT(o.out, HasSubstr("COLOR=red\n"));
    EXPECT_THAT(o.out, HasSubstr("HOME=/root\n"));
    EXPECT_THAT(o.out, HasSubstr("PATH=/usr/local/sbin:"));
    EXPECT_THAT(o.out, Not(HasSubstr("/home/x")));
}

TEST(run_descriptors, are_the_standard_ones_only_and_their_limit_is_the_callers)
{
    const std::string script = "exec 7</etc/passwd; ulimit -S -n 333; exec \"$@\"";
    std::vector<std::string> argv = {"sh", "-c", script, "sh"};
    const auto inner = deputy_command({"sh", "-c", "ls /proc/$$/fd | tr '\\n' ' '; ulimit -n"});
    argv.insert(argv.end(), inner.begin(), inner.end());
    EXPECT_EQ(run(argv).out, "0 1 2 333\n");
}

TEST(run_descriptors, of_closed_standard_streams_are_not_the_hosts)
{
    const std::string deputy = deputy_binary;
    const outcome o =
        run({"sh", "-c", deputy + " run -- sh -c 'readlink /proc/$$/fd/0 /proc/$$/fd/2' <&- 2>&-"});
    EXPECT_EQ(o.out, "/dev/null\n/dev/null\n");
}

TEST(run_umask, may_be_strict)
{
    const std::string deputy = deputy_binary;
    const outcome o = run({"sh", "-c", "umask 077; " + deputy + " run -- sh -c 'umask; ls -d /tmp'"});
    EXPECT_EQ(o.out, "0077\n/tmp\n") << o.err;
}

} // namespace
} // namespace deputyd::test
