// SPDX-License-Identifier: Apache-2.0
// --rootfs and --bind.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
namespace fs = std::filesystem;

/// A directory with a small root file system: busybox and no more.
class run_rootfs : public testing::Test
{
protected:
    run_rootfs()
    {
        std::string name = fs::temp_directory_path() / "deputy-rootfs-XXXXXX";
        directory_ = mkdtemp(name.data());
        root_ = directory_ / "root";
        fs::create_directories(root_ / "bin");
        fs::copy_file("/bin/busybox", root_ / "bin/busybox");
        for (const char *applet : {"sh", "cat", "ls", "id", "stat", "touch", "mount", "umount", "mkdir",
                                   "chown", "readlink", "echo", "wc", "head", "test"}) {
            fs::create_symlink("busybox", root_ / "bin" / applet);
        }
    }
    ~run_rootfs() override { fs::remove_all(directory_); }

    outcome sh(const std::string &script, std::vector<std::string> options = {}) const
    {
        options.insert(options.end(), {"--rootfs", root_.string()});
        return deputy_run({"/bin/sh", "-c", script}, options);
    }

    fs::path directory_, root_;
};

TEST_F(run_rootfs, is_the_root_and_belongs_to_the_containers_root)
{
    const outcome o =
        sh("id -u; stat -c '%u %g' /bin/busybox; echo text > /file; chown 7:8 /file; ls /etc/passwd");
    EXPECT_EQ(o.out, "0\n0 0\n");
    EXPECT_NE(o.status, 0); // no /etc there
    struct stat st {
    };
    ASSERT_EQ(stat((root_ / "file").c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, 7U);
    EXPECT_EQ(st.st_gid, 8U);
}

TEST_F(run_rootfs, has_what_programs_expect)
{
    const outcome o =
        sh("for d in null zero full random urandom tty; do test -c /dev/$d || echo no $d; done; "
           "echo x > /dev/null; head -c 4 /dev/zero | wc -c; readlink /dev/fd; ls /proc/1/status; "
           "ls -d /sys/class/net; mkdir /sys/fs/cgroup/a; echo x > /tmp/f; echo x > /run/f; "
           "echo x > /dev/shm/f; ls /dev/ptmx; cat /dev/fd/0 </proc/self/comm");
    EXPECT_EQ(o.out, "4\n/proc/self/fd\n/proc/1/status\n/sys/class/net\n/dev/ptmx\ncat\n");
    EXPECT_EQ(o.err, "");
}

TEST_F(run_rootfs, leaves_nothing_of_the_host_to_uncover)
{
    EXPECT_EQ(sh("umount -l /proc; umount -l /sys; ls /proc /sys; cat /etc/passwd").out, "/proc:\n\n/sys:\n");
}

TEST_F(run_rootfs, with_the_hosts_network_has_a_sysfs_that_cannot_be_written)
{
    const outcome o =
        sh("ls -d /sys/class/net; mount -o remount,rw /sys || echo kept; ls -d /sys/fs/cgroup/cgroup.procs",
           {"--net", "host"});
    EXPECT_EQ(o.out, "/sys/class/net\nkept\n/sys/fs/cgroup/cgroup.procs\n") << o.err;
}

TEST_F(run_rootfs, of_a_file_system_without_idmapped_mounts_is_refused_by_name)
{
    const outcome o = deputy_run({"true"}, {"--rootfs", "/proc"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("/proc"));
    EXPECT_THAT(o.err, HasSubstr("idmapped"));
}

TEST_F(run_rootfs, takes_links_inside_as_inside)
{
    fs::create_directory(root_ / "inner");
    fs::create_symlink("/inner", root_ / "alias");
    fs::create_directory(directory_ / "data");
    std::ofstream(directory_ / "data/f") << "data\n";
    const outcome o = sh("cat /inner/f", {"--bind", (directory_ / "data").string() + ":/alias"});
    EXPECT_EQ(o.out, "data\n") << o.err;
    EXPECT_FALSE(fs::exists("/inner"));
}

TEST_F(run_rootfs, shows_binds_writable_or_read_only)
{
    fs::create_directory(directory_ / "data");
    std::ofstream(directory_ / "data/f") << "data\n";
    const std::string data = directory_ / "data";
    const outcome o =
        sh("cat /run/a/b/f; echo new > /run/a/b/g; cat /run/c/f; echo bad > /run/c/h || "
           "mount -o remount,bind,rw /run/c || umount /run/c || echo kept; cat /run/file",
           {"--bind", data + ":/run/a/b", "--bind", data + ":/run/c:ro", "--bind", data + "/f:/run/file"});
    EXPECT_EQ(o.out, "data\ndata\nkept\ndata\n") << o.err;
    EXPECT_TRUE(fs::exists(data + "/g"));
    EXPECT_FALSE(fs::exists(data + "/h"));
    struct stat st {
    };
    ASSERT_EQ(stat((data + "/g").c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, 0U);
}

} // namespace
} // namespace deputyd::test
