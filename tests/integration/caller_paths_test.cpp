// SPDX-License-Identifier: Apache-2.0
// Paths are resolved where and as whom the caller would: in its root, from its directories, with its
// rights. And the identity that the host reads is the one that counts there.
#include <gmock/gmock.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

#include "caller/caller_table.hpp"
#include "support/caller_tree.hpp"

namespace
{

using namespace deputy_test;
using deputyd::caller_table;
using deputyd::path_table;
namespace fs = std::filesystem;

class caller_paths : public caller_tree
{
protected:
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

    /// What parent() says of a path: the inode of the directory, and the last component.
    struct parent {
        std::int64_t directory; ///< or a negative errno
        std::uint32_t kind;
        std::string name;
        std::uint32_t trailing_slash;
        bool operator==(const parent &) const = default;
        friend void PrintTo(const parent &p, std::ostream *out)
        {
            *out << p.directory << ' ' << p.kind << " '" << p.name << "' " << p.trailing_slash;
        }
    };
    static parent parent_of(deputy_call *c, std::int32_t dirfd, const std::string &path)
    {
        deputy_last last{};
        last.struct_size = sizeof last;
        std::int32_t fd = -1;
        const std::int32_t r = path_table.parent(c, dirfd, path.c_str(), &last, &fd);
        if (r < 0) {
            EXPECT_EQ(fd, -1);
            return {r, 0, "", 0};
        }
        const deputy::unique_fd owned{fd};
        EXPECT_EQ(::fcntl(fd, F_GETFL) & O_PATH, O_PATH);
        EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
        struct stat st {
        };
        ::fstat(fd, &st);
        return {static_cast<std::int64_t>(st.st_ino), last.kind, last.name, last.trailing_slash};
    }
    static parent fails(int number) { return {-number, 0, "", 0}; }

    /// The name of what a path of the host leads to, or its errno in words.
    static std::string name_of(deputy_call *c, const fs::path &p)
    {
        const deputy::unique_fd fd{::open(p.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
        return name_of(c, fd.get());
    }
    static std::string name_of(deputy_call *c, int fd)
    {
        char buffer[4096];
        const std::int32_t n = path_table.name(c, fd, buffer, sizeof buffer);
        if (n < 0) {
            return ::strerrorname_np(-n);
        }
        EXPECT_EQ(std::strlen(buffer), static_cast<std::size_t>(n));
        return buffer;
    }
};

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
        EXPECT_EQ(resolve(c, -1, ""), -ENOENT);
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
        [] { become(1000); });
}

TEST_F(caller_paths, a_group_of_the_caller_opens_what_it_may)
{
    ASSERT_EQ(::chown((root_ / "secret").c_str(), 0, 4242), 0);
    ASSERT_EQ(::chmod((root_ / "secret").c_str(), 0710), 0);
    in_handler([&](auto *c, const auto &) { EXPECT_GT(resolve(c, AT_FDCWD, "/secret/file"), 0); },
               [] {
                   become(1000, {17, 4242});
               });
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

TEST_F(caller_paths, are_cut_before_the_last_component_as_the_kernel_cuts_them)
{
    const auto top = static_cast<std::int64_t>(inode(root_));
    const auto sub = static_cast<std::int64_t>(inode(root_ / "sub"));
    fs::create_directory_symlink("/sub", root_ / "to-sub");
    in_handler([&](auto *c, const auto &s) {
        const auto dirfd = static_cast<std::int32_t>(s.args[1]);
        const auto name = [](std::int64_t d, const char *n, std::uint32_t slash = 0) {
            return parent{d, DEPUTY_LAST_NAME, n, slash};
        };
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/sub/new"), name(sub, "new"));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "new"), name(sub, "new"));
        EXPECT_EQ(parent_of(c, dirfd, "new"), name(sub, "new"));
        EXPECT_EQ(parent_of(c, -1, "/sub/new"), name(sub, "new"));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "//sub///new//"), name(sub, "new", 1));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/to-sub/new"), name(sub, "new"));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/to-sub"), name(top, "to-sub"));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "../../../new"), name(top, "new"));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "..."), name(sub, "..."));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/"), (parent{top, DEPUTY_LAST_ROOT, "", 1}));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "///"), (parent{top, DEPUTY_LAST_ROOT, "", 1}));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "."), (parent{sub, DEPUTY_LAST_DOT, "", 0}));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/sub/./"), (parent{sub, DEPUTY_LAST_DOT, "", 1}));
        EXPECT_EQ(parent_of(c, AT_FDCWD, ".."), (parent{sub, DEPUTY_LAST_DOT_DOT, "", 0}));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/sub/.."), (parent{sub, DEPUTY_LAST_DOT_DOT, "", 0}));
        EXPECT_EQ(parent_of(c, AT_FDCWD, "/../new"), name(top, "new"));
        EXPECT_EQ(parent_of(c, AT_FDCWD, std::string(255, 'a')), name(sub, std::string(255, 'a').c_str()));
    });
}

TEST_F(caller_paths, fail_before_the_last_component_as_the_kernel_lets_them_fail)
{
    fs::create_symlink("loop", root_ / "sub/loop");
    in_handler(
        [&](auto *c, const auto &s) {
            const auto sub = static_cast<std::int32_t>(s.args[1]);
            const std::int32_t file = 40;
            EXPECT_EQ(parent_of(c, AT_FDCWD, ""), fails(ENOENT));
            EXPECT_EQ(parent_of(c, -1, ""), fails(ENOENT));
            EXPECT_EQ(parent_of(c, -1, "new"), fails(EBADF));
            EXPECT_EQ(parent_of(c, file, "new"), fails(ENOTDIR));
            EXPECT_EQ(parent_of(c, AT_FDCWD, "none/new"), fails(ENOENT));
            EXPECT_EQ(parent_of(c, AT_FDCWD, "file/new"), fails(ENOTDIR));
            EXPECT_EQ(parent_of(c, AT_FDCWD, "file/.."), fails(ENOTDIR));
            EXPECT_EQ(parent_of(c, AT_FDCWD, "loop/new"), fails(ELOOP));
            EXPECT_EQ(parent_of(c, AT_FDCWD, std::string(256, 'a')), fails(ENAMETOOLONG));
            EXPECT_EQ(parent_of(c, AT_FDCWD, "none/" + std::string(256, 'a')), fails(ENOENT));
            EXPECT_EQ(parent_of(c, -1, std::string(4096, '/')), fails(ENAMETOOLONG));
            EXPECT_EQ(parent_of(c, AT_FDCWD, std::string(4095, '/')).kind, DEPUTY_LAST_ROOT);
            // The right to search the directory itself is asked for, as a look-up in it would.
            EXPECT_EQ(parent_of(c, AT_FDCWD, "/secret/new"), fails(EACCES));
            EXPECT_EQ(parent_of(c, AT_FDCWD, "/secret/."), fails(EACCES));
            EXPECT_GT(parent_of(c, AT_FDCWD, "/secret").directory, 0);
            EXPECT_GT(parent_of(c, sub, "file").directory, 0);
        },
        [] {
            become(1000);
            need(::dup2(::open("/sub/file", O_RDONLY), 40) == 40);
        },
        true);
}

TEST_F(caller_paths, never_lead_out_of_the_root_while_a_directory_becomes_a_link)
{
    const fs::path swap = root_ / "sub/swap";
    const fs::path link = root_ / "sub/link";
    fs::create_directory(swap);
    const auto inside = static_cast<std::int64_t>(inode(swap));
    const auto top = static_cast<std::int64_t>(inode(root_));
    for (const fs::path &target : {fs::path("../../../../.."), root_.parent_path()}) {
        fs::remove(link);
        fs::create_symlink(target, link);
        in_handler([&](auto *c, const auto &) {
            std::atomic<bool> stop{false};
            std::thread swapper([&] {
                while (!stop.load()) {
                    ::renameat2(AT_FDCWD, swap.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
                }
            });
            for (int i = 0; i < 5'000; ++i) {
                const std::int64_t found = parent_of(c, AT_FDCWD, "swap/new").directory;
                EXPECT_TRUE(found == inside || found == top || found == -ENOENT) << found;
            }
            stop.store(true);
            swapper.join();
        });
        if (!fs::is_symlink(link)) {
            ::renameat2(AT_FDCWD, swap.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
        }
    }
}

TEST_F(caller_paths, have_names_from_the_callers_root)
{
    std::ofstream(root_ / "sub/x (deleted)") << "x";
    std::ofstream(root_ / "sub/gone") << "x";
    const deputy::unique_fd gone{::open((root_ / "sub/gone").c_str(), O_PATH | O_CLOEXEC)};
    fs::remove(root_ / "sub/gone");
    std::ofstream(root_ / "sub/gone (deleted)") << "another";
    in_handler([&](auto *c, const auto &) {
        EXPECT_EQ(name_of(c, root_), "/");
        EXPECT_EQ(name_of(c, root_ / "sub"), "/sub");
        EXPECT_EQ(name_of(c, root_ / "sub/file"), "/sub/file");
        EXPECT_EQ(name_of(c, root_ / "sub/absolute"), "/sub/absolute");
        EXPECT_EQ(name_of(c, root_ / "secret/file"), "/secret/file");
        EXPECT_EQ(name_of(c, root_ / "sub/x (deleted)"), "/sub/x (deleted)");
        EXPECT_EQ(name_of(c, gone.get()), "ENOENT");
        EXPECT_EQ(name_of(c, root_.parent_path()), "ENOENT");
        EXPECT_EQ(name_of(c, "/etc/passwd"), "ENOENT");
        EXPECT_EQ(name_of(c, -1), "EBADF");
        EXPECT_EQ(name_of(c, 9999), "EBADF");
        char small[9];
        const deputy::unique_fd file{::open((root_ / "sub/file").c_str(), O_PATH | O_CLOEXEC)};
        EXPECT_EQ(path_table.name(c, file.get(), small, sizeof small), -ENAMETOOLONG);
        int pipe[2];
        ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
        EXPECT_EQ(name_of(c, pipe[0]), "ENOENT");
        ::close(pipe[0]);
        ::close(pipe[1]);
    });
}

TEST_F(caller_paths, have_names_in_the_callers_mount_namespace)
{
    fs::create_directory(root_ / "on");
    in_handler(
        [&](auto *c, const auto &) {
            std::int32_t fd = -1;
            ASSERT_EQ(path_table.resolve(c, AT_FDCWD, "/on/deep/file", 0, &fd), 0);
            const deputy::unique_fd owned{fd};
            EXPECT_EQ(name_of(c, fd), "/on/deep/file");
            EXPECT_EQ(name_of(c, root_ / "on"), "ENOENT"); // that is mounted over, in another namespace
        },
        [&] {
            need(::unshare(CLONE_NEWNS) == 0 &&
                 ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                 ::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                 ::mount("none", (root_ / "on").c_str(), "tmpfs", 0, nullptr) == 0);
            fs::create_directory(root_ / "on/deep");
            std::ofstream(root_ / "on/deep/file") << "x";
            need(::chroot(root_.c_str()) == 0 && ::chdir("/") == 0);
        },
        false);
}

TEST_F(caller_paths, leave_no_descriptor_behind)
{
    const auto before = open_descriptors();
    in_handler([&](auto *c, const auto &s) {
        resolve(c, AT_FDCWD, "/sub/file");
        resolve(c, static_cast<std::int32_t>(s.args[1]), "none");
        resolve(c, 9999, "none");
        parent_of(c, AT_FDCWD, "/sub/new");
        parent_of(c, static_cast<std::int32_t>(s.args[1]), "none/new");
        name_of(c, root_ / "sub");
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
