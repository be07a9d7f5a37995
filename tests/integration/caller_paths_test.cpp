// SPDX-License-Identifier: Apache-2.0
// Paths are resolved where and as whom the caller would: in its root, from its directories, with its
// rights. And the identity that the host reads is the one that counts there.
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "caller/caller_table.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using deputyd::caller_table;
using deputyd::path_table;
namespace fs = std::filesystem;

ino_t inode(const fs::path &p)
{
    struct stat st {
    };
    return ::lstat(p.c_str(), &st) == 0 ? st.st_ino : 0;
}

/// A tree that becomes a caller's root:
///     sub/file  sub/absolute -> /sub/file  sub/up -> ../../../../sub/file  secret (0700)/file
class caller_paths : public testing::Test
{
protected:
    void SetUp() override
    {
        char name[] = "/tmp/deputy-paths-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        root_ = name;
        ::chmod(name, 0755);
        fs::create_directory(root_ / "sub");
        fs::create_directory(root_ / "secret");
        fs::permissions(root_ / "secret", fs::perms::owner_all);
        std::ofstream(root_ / "sub" / "file") << "x";
        std::ofstream(root_ / "secret" / "file") << "x";
        fs::create_symlink("/sub/file", root_ / "sub" / "absolute");
        fs::create_symlink("../../../../sub/file", root_ / "sub" / "up");
    }
    void TearDown() override { fs::remove_all(root_); }

    using check = std::function<void(deputy_call *, const deputy_syscall &)>;
    /// Runs checks in a handler for a caller that is in the root, at /sub, after prepare.
    void in_handler(
        const check &checks, const std::function<void()> &prepare = [] {}, bool chrooted = true)
    {
        functional_plugin plugin;
        plugin.on(1, [&](auto *c, const auto &s, auto &a) {
            checks(c, s);
            return reply(a, 0);
        });
        supervised child([] { return static_cast<int>(call(1, sub_fd)); }, true,
                         [&] {
                             sub_fd = static_cast<std::uint64_t>(
                                 ::open((root_ / "sub").c_str(), O_PATH | O_CLOEXEC));
                             if (chrooted && (::chroot(root_.c_str()) != 0 || ::chdir("/sub") != 0)) {
                                 ::_exit(96);
                             }
                             prepare();
                         });
        deputyd::host h({});
        h.serve(container(1), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), 0);
    }
    /// The inode that a path resolves to, or a negative errno.
    static std::int64_t resolve(deputy_call *c, std::int32_t dirfd, const char *path, std::uint64_t flags = 0)
    {
        std::int32_t fd = -1;
        const std::int32_t r = path_table.resolve(c, dirfd, path, flags, &fd);
        if (r < 0) {
            EXPECT_EQ(fd, -1);
            return r;
        }
        const deputy::unique_fd owned{fd};
        EXPECT_EQ(::fcntl(fd, F_GETFL) & O_PATH, O_PATH);
        EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
        struct stat st {
        };
        ::fstat(fd, &st);
        return static_cast<std::int64_t>(st.st_ino);
    }

    static std::uint64_t sub_fd;
    fs::path root_;
};
std::uint64_t caller_paths::sub_fd = 0;

TEST_F(caller_paths, start_at_the_callers_root_and_directory)
{
    const auto file = static_cast<std::int64_t>(inode(root_ / "sub/file"));
    const auto top = static_cast<std::int64_t>(inode(root_));
    const auto link = static_cast<std::int64_t>(inode(root_ / "sub/absolute"));
    in_handler([&](auto *c, const auto &s) {
        const auto dirfd = static_cast<std::int32_t>(s.args[1]);
        EXPECT_EQ(resolve(c, AT_FDCWD, "/sub/file"), file);
        EXPECT_EQ(resolve(c, AT_FDCWD, "file"), file);
        EXPECT_EQ(resolve(c, dirfd, "file"), file);
        EXPECT_EQ(resolve(c, -1, "/sub/file"), file);
        EXPECT_EQ(resolve(c, AT_FDCWD, "absolute"), file);
        EXPECT_EQ(resolve(c, AT_FDCWD, "up"), file);
        EXPECT_EQ(resolve(c, dirfd, "up"), file);
        EXPECT_EQ(resolve(c, AT_FDCWD, "absolute", O_NOFOLLOW), link);
        EXPECT_EQ(resolve(c, AT_FDCWD, "/"), top);
        EXPECT_EQ(resolve(c, AT_FDCWD, "../../.."), top);
        EXPECT_EQ(resolve(c, AT_FDCWD, "/../../etc/passwd"), -ENOENT);
    });
}

TEST_F(caller_paths, fail_as_the_kernel_lets_them_fail)
{
    in_handler([&](auto *c, const auto &s) {
        const auto dirfd = static_cast<std::int32_t>(s.args[1]);
        EXPECT_EQ(resolve(c, AT_FDCWD, "none"), -ENOENT);
        EXPECT_EQ(resolve(c, AT_FDCWD, ""), -ENOENT);
        EXPECT_EQ(resolve(c, AT_FDCWD, "file/x"), -ENOTDIR);
        EXPECT_EQ(resolve(c, AT_FDCWD, "file", O_DIRECTORY), -ENOTDIR);
        EXPECT_EQ(resolve(c, -1, "file"), -EBADF);
        EXPECT_EQ(resolve(c, 9999, "file"), -EBADF);
        EXPECT_EQ(resolve(c, dirfd, "file", O_CREAT), -EINVAL);
        EXPECT_EQ(resolve(c, AT_FDCWD, std::string(5000, 'a').c_str()), -ENAMETOOLONG);
    });
}

TEST_F(caller_paths, are_walked_with_the_callers_rights_and_the_host_keeps_its_own)
{
    const auto own_root = inode("/");
    const auto own_directory = inode(".");
    const auto become_nobody = [] {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(1000, 1000, 1000) != 0 ||
            ::setresuid(1000, 1000, 1000) != 0) {
            ::_exit(95);
        }
    };
    in_handler(
        [&](auto *c, const auto &) {
            EXPECT_GT(resolve(c, AT_FDCWD, "/sub/file"), 0);
            EXPECT_EQ(resolve(c, AT_FDCWD, "/secret/file"), -EACCES);
            EXPECT_EQ(inode("/"), own_root);
            EXPECT_EQ(inode("."), own_directory);
            EXPECT_GT(inode(root_ / "secret/file"), 0U);
            EXPECT_EQ(::setfsuid(static_cast<uid_t>(-1)), 0);
            EXPECT_EQ(::setfsgid(static_cast<gid_t>(-1)), 0);
            EXPECT_EQ(::access((root_ / "secret/file").c_str(), R_OK), 0);
            std::ofstream(root_ / "made-by-the-host") << "x";
            struct stat st {
            };
            EXPECT_EQ(::stat((root_ / "made-by-the-host").c_str(), &st), 0);
            EXPECT_EQ(st.st_uid, 0U);
        },
        become_nobody);
}

TEST_F(caller_paths, a_group_of_the_caller_opens_what_it_may)
{
    ASSERT_EQ(::chown((root_ / "secret").c_str(), 0, 4242), 0);
    ASSERT_EQ(::chmod((root_ / "secret").c_str(), 0710), 0);
    const auto become_member = [] {
        const gid_t groups[] = {17, 4242};
        if (::setgroups(2, groups) != 0 || ::setresgid(1000, 1000, 1000) != 0 ||
            ::setresuid(1000, 1000, 1000) != 0) {
            ::_exit(95);
        }
    };
    in_handler([&](auto *c, const auto &) { EXPECT_GT(resolve(c, AT_FDCWD, "/secret/file"), 0); },
               become_member);
}

TEST_F(caller_paths, magic_links_and_procfs_are_refused)
{
    in_handler(
        [&](auto *c, const auto &) {
            EXPECT_EQ(resolve(c, AT_FDCWD, "/proc/self/root/etc"), -ELOOP);
            EXPECT_EQ(resolve(c, AT_FDCWD, "/proc/self/fd"), -ELOOP);
            EXPECT_EQ(resolve(c, AT_FDCWD, "/proc/version"), -ELOOP);
            EXPECT_GT(resolve(c, AT_FDCWD, "/etc/passwd"), 0);
        },
        [] {}, false);
}

TEST_F(caller_paths, leave_no_descriptor_behind)
{
    const auto before = open_descriptors();
    in_handler([&](auto *c, const auto &s) {
        resolve(c, AT_FDCWD, "/sub/file");
        resolve(c, static_cast<std::int32_t>(s.args[1]), "none");
        resolve(c, 9999, "none");
    });
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(caller_paths, the_identity_has_every_id_in_its_place)
{
    const auto prepare = [] {
        const gid_t groups[] = {301, 302, 303};
        ::umask(0027);
        if (::setgroups(3, groups) != 0 || ::setresgid(201, 202, 203) != 0 || ::setfsgid(204) != 202 ||
            ::setresuid(101, 102, 0) != 0) {
            ::_exit(95);
        }
    };
    in_handler(
        [&](auto *c, const auto &) {
            deputy_identity id{};
            id.struct_size = sizeof id;
            ASSERT_EQ(caller_table.identity(c, &id), 0);
            EXPECT_EQ(id.uid, 101U);
            EXPECT_EQ(id.euid, 102U);
            EXPECT_EQ(id.suid, 0U);
            EXPECT_EQ(id.fsuid, 102U);
            EXPECT_EQ(id.gid, 201U);
            EXPECT_EQ(id.egid, 202U);
            EXPECT_EQ(id.sgid, 203U);
            EXPECT_EQ(id.fsgid, 204U);
            EXPECT_EQ(id.umask, 027U);
            EXPECT_EQ(id.capabilities, 0U);
            std::vector<std::uint32_t> groups(3);
            EXPECT_EQ(caller_table.groups(c, groups.data(), 3), 3);
            EXPECT_THAT(groups, testing::ElementsAre(301, 302, 303));
        },
        prepare);
}

TEST_F(caller_paths, the_identity_of_a_caller_in_a_namespace_of_its_own_says_so)
{
    in_handler(
        [&](auto *c, const auto &) {
            deputy_identity id{};
            id.struct_size = sizeof id;
            ASSERT_EQ(caller_table.identity(c, &id), 0);
            EXPECT_EQ(id.in_container_user_ns, 0);
            EXPECT_NE(id.user_ns, container(1)->user_ns);
            EXPECT_NE(id.capabilities, 0U); // there
            EXPECT_EQ(id.uid, 0U);          // here
        },
        [] {
            if (::unshare(CLONE_NEWUSER) != 0) {
                ::_exit(94);
            }
        },
        false);
}

} // namespace
