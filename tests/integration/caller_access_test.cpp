// SPDX-License-Identifier: Apache-2.0
// A caller's own capabilities count for its paths and acts as far as its user namespace goes, and its FUSE
// file systems are open to it.
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sys/sysmacros.h>

#include "caller/caller_table.hpp"
#include "support/fuse_server.h"
#include "support/misc_device.hpp"
#include "support/user_ns.hpp"

namespace
{

using namespace deputy_test;
using deputyd::act_table;
using deputyd::path_table;
namespace fs = std::filesystem;

constexpr unsigned www = first_mapped + 33;
constexpr std::uint64_t mknod_alone = 1ULL << CAP_MKNOD;

/// Leaves the calling process these capabilities alone.
void keep_capabilities(std::uint64_t kept)
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    data[0].effective = data[0].permitted = static_cast<std::uint32_t>(kept);
    need(::syscall(SYS_capset, &header, data) == 0);
}

/// The deputy-access processes that this one has started, but those that have ended.
std::vector<pid_t> helpers()
{
    std::vector<pid_t> all;
    for (const auto &entry : fs::directory_iterator("/proc")) {
        std::ifstream stat(entry.path() / "stat");
        std::string name, state;
        pid_t pid = 0;
        pid_t parent = 0;
        if (stat >> pid >> name >> state >> parent && name == "(deputy-access)" && parent == ::getpid() &&
            state != "Z") {
            all.push_back(pid);
        }
    }
    return all;
}

/// The tree, with what belongs to another user of the container, and is closed to all others:
///     www/ (0700, user 33 of the container)  www/deep/file  www/host/ (0700, root of the host)/file
///     fuse/ where a FUSE file system may be mounted
class caller_access : public caller_tree
{
protected:
    void SetUp() override
    {
        caller_tree::SetUp();
        fs::create_directories(root_ / "www/deep");
        fs::create_directory(root_ / "www/host");
        fs::create_directory(root_ / "fuse");
        for (const char *file : {"www/deep/file", "www/host/file"}) {
            std::ofstream(root_ / file) << "x";
        }
        fs::permissions(root_ / "www/host", fs::perms::owner_all);
        for (const char *path : {"www", "www/deep", "www/deep/file"}) {
            ASSERT_EQ(::chown((root_ / path).c_str(), www, www), 0);
        }
        fs::permissions(root_ / "www", fs::perms::owner_all);
        const unsigned minor = misc_minor("fuse");
        if (minor != 0) {
            ASSERT_EQ(::mknod((root_ / "dev-fuse").c_str(), S_IFCHR | 0666, makedev(10, minor)), 0);
            ::chmod((root_ / "dev-fuse").c_str(), 0666);
        }
    }
    std::shared_ptr<const deputyd::container> container_of(const supervised &child) override
    {
        auto c = std::make_shared<deputyd::container>(*container(1));
        if (deeper_) {
            return c;
        }
        c->user_ns = inode_of("/proc/" + std::to_string(child.pid()) + "/ns/user");
        return c;
    }
    bool deeper_ = false; ///< callers are not in the container's own user namespace
    static ino_t inode_of(const std::string &path)
    {
        struct stat st {
        };
        return ::stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
    }
    /// For a caller that is root of a container, or what become makes of it.
    void in_container(
        const check &checks, const std::function<void()> &become = [] {})
    {
        in_handler(
            checks,
            [&] {
                enter_user_ns();
                enter_root();
                become();
            },
            false);
    }
    void enter_root() const { need(::chroot(root_.c_str()) == 0 && ::chdir("/") == 0); }
    /// A FUSE file system on /fuse, another on it at /fuse/mid, with a file.
    void mount_file_systems() const
    {
        need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        need(mount_fuse((root_ / "dev-fuse").c_str(), (root_ / "fuse").c_str()) == 0);
        need(::mount("none", (root_ / "fuse/mid").c_str(), "tmpfs", 0, nullptr) == 0);
        std::ofstream(root_ / "fuse/mid/file") << "x";
    }

    /// @return 0 or a negative errno.
    static std::int32_t resolve(deputy_call *c, const char *path)
    {
        std::int32_t fd = -1;
        const std::int32_t r = path_table.resolve(c, AT_FDCWD, path, 0, &fd);
        const deputy::unique_fd owned{fd};
        return r;
    }
    static std::int32_t parent(deputy_call *c, const char *path)
    {
        deputy_last last{};
        last.struct_size = sizeof last;
        std::int32_t fd = -1;
        const std::int32_t r = path_table.parent(c, AT_FDCWD, path, &last, &fd);
        const deputy::unique_fd owned{fd};
        return r;
    }
    std::int32_t mknod(deputy_call *c, const char *directory, const char *name, std::uint32_t mode = 0666)
    {
        const deputy::unique_fd fd{::open((root_ / directory).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        return act_table.mknod(c, fd.get(), name, S_IFCHR | mode, makedev(1, 3), mknod_alone);
    }
};

TEST_F(caller_access, root_of_a_container_walks_where_its_own_users_live)
{
    in_container([&](auto *c, const auto &) {
        EXPECT_EQ(resolve(c, "/www/deep/file"), 0);
        EXPECT_EQ(resolve(c, "www/deep/../deep/file"), 0);
        EXPECT_EQ(parent(c, "/www/new"), 0);
        EXPECT_EQ(resolve(c, "/www/none"), -ENOENT);
        EXPECT_EQ(resolve(c, "/www/deep/file/x"), -ENOTDIR);
        EXPECT_EQ(helpers().size(), 1U);
    });
    wait_until([] { return helpers().empty(); });
}

TEST_F(caller_access, root_of_a_container_stops_at_what_is_not_of_its_ids)
{
    in_container([&](auto *c, const auto &) {
        EXPECT_EQ(resolve(c, "/www/host/file"), -EACCES);
        EXPECT_EQ(resolve(c, "/secret/file"), -EACCES);
        EXPECT_EQ(parent(c, "/secret/new"), -EACCES);
        EXPECT_EQ(resolve(c, "/../../../../../../root"), -ENOENT);
    });
}

TEST_F(caller_access, the_owner_alone_does_not_map_a_group_must_too)
{
    ASSERT_EQ(::chown((root_ / "www").c_str(), www, 0), 0);
    in_container([&](auto *c, const auto &) {
        EXPECT_EQ(resolve(c, "/www/deep/file"), -EACCES);
        EXPECT_EQ(mknod(c, "www", "n"), -EACCES);
    });
}

TEST_F(caller_access, without_the_capability_nothing_is_started)
{
    in_container(
        [&](auto *c, const auto &) {
            EXPECT_EQ(resolve(c, "/www/deep/file"), -EACCES);
            EXPECT_EQ(mknod(c, "www", "n"), -EACCES);
            EXPECT_TRUE(helpers().empty());
        },
        [] { keep_capabilities(1ULL << CAP_MKNOD); });
}

TEST_F(caller_access, the_capability_to_search_is_none_to_write)
{
    in_container(
        [&](auto *c, const auto &) {
            EXPECT_EQ(resolve(c, "/www/deep/file"), 0);
            EXPECT_EQ(mknod(c, "www", "n"), -EACCES);
        },
        [] { keep_capabilities(1ULL << CAP_DAC_READ_SEARCH); });
}

TEST_F(caller_access, a_caller_with_an_id_that_is_not_mapped_gets_no_more)
{
    in_handler([&](auto *c, const auto &) { EXPECT_EQ(resolve(c, "/www/deep/file"), -EACCES); },
               [&] {
                   const gid_t stranger = 4242;
                   need(::setgroups(1, &stranger) == 0);
                   enter_user_ns();
                   enter_root();
               },
               false);
}

TEST_F(caller_access, a_caller_in_a_deeper_namespace_gets_no_more)
{
    deeper_ = true;
    in_container([&](auto *c, const auto &) {
        EXPECT_EQ(resolve(c, "/www/deep/file"), -EACCES);
        EXPECT_EQ(mknod(c, "www", "n"), -EACCES);
    });
}

TEST_F(caller_access, root_of_a_container_makes_nodes_where_its_own_users_live)
{
    in_container([&](auto *c, const auto &) {
        EXPECT_EQ(mknod(c, "www", "n"), 0);
        EXPECT_EQ(mknod(c, "secret", "n"), -EACCES);
        struct stat st {
        };
        ASSERT_EQ(::lstat((root_ / "www/n").c_str(), &st), 0);
        EXPECT_EQ(st.st_uid, first_mapped);
        EXPECT_EQ(st.st_gid, first_mapped);
        const deputy::unique_fd fd{::open((root_ / "www").c_str(), O_PATH | O_CLOEXEC)};
        EXPECT_EQ(act_table.unlink(c, fd.get(), "n", 0, 0), 0);
        EXPECT_FALSE(fs::exists(root_ / "www/n"));
    });
}

TEST_F(caller_access, the_capability_to_keep_a_group_bit_counts_over_mapped_directories)
{
    for (const char *directory : {"www", "sub"}) {
        ASSERT_EQ(::chmod((root_ / directory).c_str(), 02777), 0);
    }
    in_container(
        [&](auto *c, const auto &) {
            ::umask(0);
            ASSERT_EQ(mknod(c, "www", "n", 02777), 0);
            ASSERT_EQ(mknod(c, "sub", "n", 02777), 0);
            ::umask(022);
        },
        [] { ::umask(0); });
    EXPECT_EQ(fs::status(root_ / "www/n").permissions() & fs::perms::mask, fs::perms(02777));
    EXPECT_EQ(fs::status(root_ / "sub/n").permissions() & fs::perms::mask, fs::perms(0777));
}

TEST_F(caller_access, a_fuse_file_system_of_the_container_is_open_to_its_processes)
{
    if (misc_minor("fuse") == 0) {
        GTEST_SKIP() << "this kernel has no /dev/fuse";
    }
    const auto file_systems = [&](const std::function<void()> &become) {
        return [&, become] {
            enter_user_ns();
            mount_file_systems();
            enter_root();
            become();
        };
    };
    in_handler(
        [&](auto *c, const auto &) {
            EXPECT_EQ(resolve(c, "/fuse/mid/file"), 0);
            EXPECT_EQ(parent(c, "/fuse/mid/new"), 0);
            EXPECT_EQ(resolve(c, "/fuse/any"), 0);
            EXPECT_EQ(resolve(c, "/fuse/mid/none"), -ENOENT);
        },
        file_systems([] {}), false);
    // It needs no capability for that.
    in_handler([&](auto *c, const auto &) { EXPECT_EQ(resolve(c, "/fuse/mid/file"), 0); },
               file_systems([] { keep_capabilities(0); }), false);
    // But who did not mount it is shut out.
    in_handler([&](auto *c, const auto &) { EXPECT_EQ(resolve(c, "/fuse/mid/file"), -EACCES); },
               file_systems([] { become(7); }), false);
}

TEST_F(caller_access, a_request_that_hangs_stops_no_other)
{
    if (misc_minor("fuse") == 0) {
        GTEST_SKIP() << "this kernel has no /dev/fuse";
    }
    std::atomic<bool> hangs{false};
    std::atomic<std::int32_t> hung{0};
    functional_plugin plugin;
    plugin.on(1, [&](auto *c, const auto &, auto &a) {
        hangs.store(true);
        hung.store(resolve(c, "/fuse/hang"));
        return reply(a, 0);
    });
    plugin.on(2, [&](auto *c, const auto &, auto &a) {
        wait_until([&] { return hangs.load(); });
        EXPECT_EQ(resolve(c, "/www/deep/file"), 0);
        EXPECT_EQ(resolve(c, "/fuse/mid/file"), 0);
        return reply(a, 0);
    });
    plugin.on(3, [&](auto *, const auto &, auto &a) { // until then the file system stays
        wait_until([&] { return hung.load() != 0; });
        return reply(a, 0);
    });
    supervised child(
        [] {
            const pid_t other = ::fork();
            if (other == 0) {
                ::_exit(call(1) == -EPERM ? 0 : 1);
            }
            int status = 0;
            const bool good = call(2) == 0 && ::waitpid(other, &status, 0) == other && status == 0;
            return good && call(3) == 0 ? 0 : 1;
        },
        true,
        [&] {
            enter_user_ns();
            mount_file_systems();
            enter_root();
        });
    deputyd::host::settings quick;
    quick.deadline = std::chrono::milliseconds{500};
    deputyd::host h(quick);
    h.serve(container_of(child), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 0);
    EXPECT_EQ(hung.load(), -ECANCELED);
}

TEST_F(caller_access, a_helper_that_dies_is_replaced)
{
    in_container([&](auto *c, const auto &) {
        EXPECT_EQ(resolve(c, "/www/deep/file"), 0);
        for (const pid_t pid : helpers()) {
            ::kill(pid, SIGKILL);
        }
        EXPECT_EQ(resolve(c, "/www/deep/file"), -EIO);
        EXPECT_EQ(resolve(c, "/www/deep/file"), 0);
    });
}

TEST_F(caller_access, a_helper_holds_nothing_but_its_socket)
{
    in_container([&](auto *c, const auto &) {
        ASSERT_EQ(resolve(c, "/www/deep/file"), 0);
        ASSERT_EQ(helpers().size(), 1U);
        const fs::path proc = "/proc/" + std::to_string(helpers()[0]);
        wait_until([&] { // it closes what came with the request once it has answered
            return std::distance(fs::directory_iterator(proc / "fd"), fs::directory_iterator{}) == 1;
        });
        EXPECT_TRUE(fs::read_symlink(proc / "fd/0").string().starts_with("socket:"));
        EXPECT_EQ(fs::read_symlink(proc / "root"), "/");
        EXPECT_NE(inode_of(proc / "ns/user"), inode_of("/proc/self/ns/user"));
        EXPECT_EQ(inode_of(proc / "ns/pid"), inode_of("/proc/self/ns/pid"));
        std::map<std::string, std::string> fields;
        std::ifstream status(proc / "status");
        for (std::string line; std::getline(status, line);) {
            fields[line.substr(0, line.find(':'))] = line.substr(line.find_last_of("\t ") + 1);
        }
        EXPECT_EQ(fields["NoNewPrivs"], "1");
        EXPECT_EQ(fields["Threads"], "1");
        EXPECT_EQ(fields["Uid"], std::to_string(first_mapped));
        // What is not dumpable belongs to root in procfs, whoever it is.
        struct stat st {
        };
        ASSERT_EQ(::stat((proc / "environ").c_str(), &st), 0);
        EXPECT_EQ(st.st_uid, 0U);
    });
}

TEST_F(caller_access, nothing_stays)
{
    const auto before = open_descriptors();
    in_container([&](auto *c, const auto &) {
        resolve(c, "/www/deep/file");
        resolve(c, "/www/host/file");
        mknod(c, "www", "n");
    });
    EXPECT_EQ(open_descriptors(), before);
}

} // namespace
