// SPDX-License-Identifier: Apache-2.0
// What the host does on a caller's behalf comes out as if the caller had done it with the one capability
// that was granted.
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "caller/caller_table.hpp"
#include "notify/effect.hpp"
#include "support/user_ns.hpp"

namespace
{

using namespace deputy_test;
using deputyd::act_table;
using deputyd::path_table;
namespace fs = std::filesystem;

constexpr std::uint64_t mknod_alone = 1ULL << CAP_MKNOD;
const std::uint64_t null_device = makedev(1, 3);

deputy::unique_fd directory(const fs::path &p)
{
    return deputy::unique_fd{::open(p.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
}

std::int32_t mknod(deputy_call *c, const fs::path &in, const char *name, std::uint32_t mode,
                   std::uint64_t grant = mknod_alone)
{
    return act_table.mknod(c, directory(in).get(), name, mode, null_device, grant);
}

/// @return 0 or a negative errno; the descriptor is closed.
std::int32_t open(deputy_call *c, int in, const char *path, std::uint64_t flags, std::uint64_t mode = 0,
                  std::uint64_t grant = 0, deputy::unique_fd *ret = nullptr)
{
    open_how how{};
    how.flags = flags;
    how.mode = mode;
    std::int32_t fd = -1;
    const std::int32_t r = act_table.open(c, in, path, &how, sizeof how, grant, &fd);
    deputy::unique_fd owned{fd};
    if (r == 0) {
        EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
    if (ret != nullptr) {
        *ret = std::move(owned);
    }
    return r;
}

struct stat stat_of(const fs::path &p)
{
    struct stat st {
    };
    EXPECT_EQ(::lstat(p.c_str(), &st), 0) << p << ": " << std::strerror(errno);
    return st;
}

/// sub belongs to user 1000, all else to root.
class caller_act : public caller_tree
{
protected:
    void SetUp() override
    {
        caller_tree::SetUp();
        ASSERT_EQ(::chown((root_ / "sub").c_str(), 1000, 1000), 0);
    }
    /// For a caller that is user 1000, in these groups, with this umask.
    void as_user(const check &checks, const std::vector<gid_t> &groups = {}, mode_t mask = 022)
    {
        in_handler(checks, [&] {
            become(1000, groups);
            ::umask(mask);
        });
    }
};

TEST_F(caller_act, a_node_has_the_callers_owner_group_and_umask)
{
    as_user(
        [&](auto *c, const auto &) {
            ASSERT_EQ(mknod(c, root_ / "sub", "null", S_IFCHR | 0666), 0);
            const auto st = stat_of(root_ / "sub/null");
            EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFCHR | 0640));
            EXPECT_EQ(st.st_rdev, null_device);
            EXPECT_EQ(st.st_uid, 1000U);
            EXPECT_EQ(st.st_gid, 1000U);
            // The host is who it was.
            EXPECT_EQ(::umask(0077), 022U);
            ::umask(022);
            EXPECT_EQ(::access((root_ / "secret/file").c_str(), R_OK), 0);
        },
        {}, 027);
}

TEST_F(caller_act, no_capability_counts_but_the_granted)
{
    as_user([&](auto *c, const auto &) {
        EXPECT_EQ(mknod(c, root_ / "sub", "null", S_IFCHR | 0666, 0), -EPERM);
        EXPECT_EQ(mknod(c, root_ / "secret", "null", S_IFCHR | 0666), -EACCES);
        EXPECT_EQ(mknod(c, root_ / "secret", "null", S_IFCHR | 0666, mknod_alone | 1ULL << CAP_DAC_OVERRIDE),
                  0);
        EXPECT_EQ(stat_of(root_ / "secret/null").st_uid, 1000U);
        EXPECT_EQ(mknod(c, root_ / "sub", "fifo", S_IFIFO | 0600, 0), 0);
    });
}

TEST_F(caller_act, the_errors_are_the_kernels)
{
    as_user([&](auto *c, const auto &) {
        EXPECT_EQ(mknod(c, root_ / "sub", "file", S_IFCHR | 0666), -EEXIST);
        EXPECT_EQ(mknod(c, root_ / "sub", std::string(256, 'a').c_str(), S_IFCHR), -ENAMETOOLONG);
        EXPECT_EQ(mknod(c, root_ / "sub", "d", S_IFDIR | 0700), -EPERM);
        EXPECT_EQ(mknod(c, root_ / "sub", "l", S_IFLNK | 0700), -EINVAL);
        const auto sub = directory(root_ / "sub");
        EXPECT_EQ(act_table.mknod(c, sub.get(), "n", S_IFCHR, 1ULL << 32, mknod_alone), -EINVAL);
        EXPECT_EQ(act_table.mknod(c, 9999, "n", S_IFCHR, null_device, mknod_alone), -EBADF);
        EXPECT_EQ(act_table.mknod(c, AT_FDCWD, "n", S_IFCHR, null_device, mknod_alone), -EBADF);
        for (const char *no_name : {"", ".", "..", "a/b", "/n", "../n", "n/"}) {
            EXPECT_EQ(mknod(c, root_ / "sub", no_name, S_IFCHR), -EINVAL) << no_name;
            EXPECT_EQ(act_table.unlink(c, sub.get(), no_name, 0, 0), -EINVAL) << no_name;
        }
    });
}

TEST_F(caller_act, a_setgid_directory_gives_its_group)
{
    ASSERT_EQ(::chown((root_ / "sub").c_str(), 1000, 4242), 0);
    ASSERT_EQ(::chmod((root_ / "sub").c_str(), 02775), 0);
    const auto make = [&](auto *c, const auto &) {
        ASSERT_EQ(mknod(c, root_ / "sub", "n", S_IFCHR | 02777), 0);
        EXPECT_EQ(stat_of(root_ / "sub/n").st_gid, 4242U);
    };
    as_user(make, {}, 0);
    // Who is no member and holds no CAP_FSETID cannot give the group's own bit away.
    EXPECT_EQ(stat_of(root_ / "sub/n").st_mode & 07777, 0777U);
    fs::remove(root_ / "sub/n");
    as_user(make, {4242}, 0);
    EXPECT_EQ(stat_of(root_ / "sub/n").st_mode & 07777, 02777U);
}

TEST_F(caller_act, a_sticky_directory_lets_the_owner_remove_alone)
{
    ASSERT_EQ(::chown((root_ / "sub").c_str(), 0, 0), 0);
    ASSERT_EQ(::chmod((root_ / "sub").c_str(), 01777), 0);
    as_user([&](auto *c, const auto &) {
        ASSERT_EQ(mknod(c, root_ / "sub", "own", S_IFCHR | 0666), 0);
        const auto sub = directory(root_ / "sub");
        EXPECT_EQ(act_table.unlink(c, sub.get(), "file", 0, 0), -EPERM);
        EXPECT_EQ(act_table.unlink(c, sub.get(), "file", 0, mknod_alone), -EPERM);
        EXPECT_EQ(act_table.unlink(c, sub.get(), "own", 0, 0), 0);
        EXPECT_EQ(act_table.unlink(c, sub.get(), "own", 0, 0), -ENOENT);
        EXPECT_EQ(act_table.unlink(c, sub.get(), "file", 0, 1ULL << CAP_FOWNER), 0);
    });
}

TEST_F(caller_act, a_default_acl_replaces_the_umask)
{
    // A default ACL of u::rw-, g::rw-, o::r--, in the form of the attribute.
    const unsigned char acl[] = {2,  0, 0, 0,                      // version
                                 1,  0, 6, 0, 255, 255, 255, 255,  // owner
                                 4,  0, 6, 0, 255, 255, 255, 255,  // group
                                 32, 0, 4, 0, 255, 255, 255, 255}; // others
    if (::setxattr((root_ / "sub").c_str(), "system.posix_acl_default", acl, sizeof acl, 0) != 0) {
        GTEST_SKIP() << "no ACLs in " << root_;
    }
    as_user([&](auto *c, const auto &) { ASSERT_EQ(mknod(c, root_ / "sub", "n", S_IFCHR | 0666), 0); }, {},
            077);
    EXPECT_EQ(stat_of(root_ / "sub/n").st_mode & 07777, 0664U);
}

TEST_F(caller_act, opens_as_the_caller_from_a_directory)
{
    ASSERT_EQ(::chmod((root_ / "sub/file").c_str(), 0600), 0);
    as_user(
        [&](auto *c, const auto &) {
            const auto sub = directory(root_ / "sub");
            EXPECT_EQ(open(c, sub.get(), "file", O_RDONLY), -EACCES);
            EXPECT_EQ(open(c, sub.get(), "file", O_RDONLY, 0, 1ULL << CAP_DAC_OVERRIDE), 0);
            EXPECT_EQ(open(c, sub.get(), "file", O_PATH), 0);
            EXPECT_EQ(open(c, sub.get(), "new", O_CREAT | O_EXCL | O_WRONLY, 0666), 0);
            EXPECT_EQ(open(c, sub.get(), "new", O_CREAT | O_EXCL | O_WRONLY, 0666), -EEXIST);
            EXPECT_EQ(open(c, sub.get(), "none", O_RDONLY), -ENOENT);
            EXPECT_EQ(open(c, sub.get(), "file", O_RDONLY | 1ULL << 40), -EINVAL);
            const auto st = stat_of(root_ / "sub/new");
            EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFREG | 0640));
            EXPECT_EQ(st.st_uid, 1000U);
        },
        {}, 027);
}

TEST_F(caller_act, opens_absolute_paths_in_the_hosts_root)
{
    as_user([&](auto *c, const auto &) {
        deputy::unique_fd fd;
        ASSERT_EQ(open(c, AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, &fd), 0);
        struct stat st {
        };
        ASSERT_EQ(::fstat(fd.get(), &st), 0);
        EXPECT_EQ(st.st_ino, inode("/etc/passwd"));
        EXPECT_EQ(open(c, AT_FDCWD, "/sub/file", O_RDONLY), -ENOENT);
    });
}

TEST_F(caller_act, opens_through_no_magic_link)
{
    as_user([&](auto *c, const auto &) {
        EXPECT_EQ(open(c, AT_FDCWD, "/proc/self/root/etc/passwd", O_RDONLY), -ELOOP);
        EXPECT_EQ(open(c, AT_FDCWD, "/proc/self/exe", O_RDONLY), -ELOOP);
    });
}

TEST_F(caller_act, open_takes_how_in_any_size_that_the_kernel_takes)
{
    as_user([&](auto *c, const auto &) {
        const auto sub = directory(root_ / "sub");
        std::array<open_how, 171> how{}; // more than a page
        std::int32_t fd = -1;
        EXPECT_EQ(act_table.open(c, sub.get(), "file", how.data(), sizeof(open_how) - 1, 0, &fd), -EINVAL);
        EXPECT_EQ(act_table.open(c, sub.get(), "file", how.data(), 4097, 0, &fd), -E2BIG);
        EXPECT_EQ(act_table.open(c, sub.get(), "file", how.data(), 4096, 0, &fd), 0);
        ::close(fd);
        how[2].mode = 1;
        EXPECT_EQ(act_table.open(c, sub.get(), "file", how.data(), 4096, 0, &fd), -E2BIG);
    });
}

TEST_F(caller_act, acts_for_nobody_who_has_gone)
{
    functional_plugin plugin;
    std::atomic<bool> done{false};
    plugin.on(1, [&](auto *c, const auto &s, auto &a) {
        const auto sub = directory(root_ / "sub");
        ::kill(static_cast<pid_t>(s.tid), SIGKILL);
        char none = 0;
        wait_until([&] { return deputyd::caller_table.read(c, 0, &none, 0) == -ESRCH; });
        EXPECT_EQ(act_table.mknod(c, sub.get(), "n", S_IFCHR | 0666, null_device, mknod_alone), -ESRCH);
        EXPECT_EQ(open(c, sub.get(), "n", O_CREAT | O_WRONLY, 0600), -ESRCH);
        EXPECT_EQ(act_table.unlink(c, sub.get(), "file", 0, 0), -ESRCH);
        done.store(true);
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1)); }, true, [] { become(1000); });
    deputyd::host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), -SIGKILL);
    wait_until([&] { return done.load(); });
    EXPECT_FALSE(fs::exists(root_ / "sub/n"));
    EXPECT_TRUE(fs::exists(root_ / "sub/file"));
}

/// A process with a number that is free, which does nothing. Its namespace hands numbers out in order.
class process_number
{
public:
    explicit process_number(pid_t wanted)
    {
        while (pid_ != wanted) {
            end();
            std::ofstream("/proc/sys/kernel/ns_last_pid") << wanted - 1;
            pid_ = ::fork();
            if (pid_ == 0) {
                ::pause();
                ::_exit(0);
            }
        }
    }
    ~process_number() { end(); }
    process_number(const process_number &) = delete;
    process_number &operator=(const process_number &) = delete;

private:
    void end() const
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    pid_t pid_ = -1;
};

TEST_F(caller_act, a_process_that_has_got_the_callers_number_is_not_taken_for_it)
{
    for (const bool known_before : {false, true}) {
        functional_plugin plugin;
        plugin.on(1, [&](auto *c, const auto &s, auto &a) {
            const auto sub = directory(root_ / "sub");
            std::int32_t fd = -1;
            if (known_before) {
                EXPECT_EQ(path_table.resolve(c, AT_FDCWD, "/", 0, &fd), 0);
                ::close(fd);
            }
            const auto number = static_cast<pid_t>(s.tid);
            ::kill(number, SIGKILL);
            wait_until([&] { return !fs::exists("/proc/" + std::to_string(number)); });
            const process_number other(number); // root, in the host's root
            EXPECT_EQ(act_table.mknod(c, sub.get(), "n", S_IFCHR | 0666, null_device, mknod_alone), -ESRCH);
            EXPECT_EQ(open(c, sub.get(), "n", O_WRONLY | O_CREAT, 0666), -ESRCH);
            EXPECT_EQ(act_table.unlink(c, sub.get(), "file", 0, 0), -ESRCH);
            EXPECT_EQ(path_table.resolve(c, AT_FDCWD, "/", 0, &fd), -ESRCH);
            std::uint64_t word = 0;
            EXPECT_EQ(deputyd::caller_table.read(c, address(&word), &word, sizeof word), -ESRCH);
            deputy_identity who{};
            who.struct_size = sizeof who;
            EXPECT_EQ(deputyd::caller_table.identity(c, &who), -ESRCH);
            return reply(a, 0);
        });
        supervised child([] { return static_cast<int>(call(1)); }, true, [] { become(1000); });
        deputyd::host h({});
        h.serve(container(1), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), -SIGKILL);
    }
    EXPECT_FALSE(fs::exists(root_ / "sub/n"));
    EXPECT_TRUE(fs::exists(root_ / "sub/file"));
}

TEST_F(caller_act, undo_removes_as_the_caller_that_has_gone)
{
    functional_plugin plugin;
    std::atomic<bool> undone{false};
    plugin.on(1, [&](auto *c, const auto &s, auto &a) {
        EXPECT_EQ(deputyd::effect_table.commit(c, "n", 1), 0);
        auto sub = directory(root_ / "sub");
        EXPECT_EQ(act_table.mknod(c, sub.get(), "n", S_IFCHR | 0666, null_device, mknod_alone), 0);
        deputyd::effect_table.keep(c, sub.release());
        ::kill(static_cast<pid_t>(s.tid), SIGKILL);
        char none = 0;
        wait_until([&] { return deputyd::caller_table.read(c, 0, &none, 0) == -ESRCH; });
        return reply(a, 0);
    });
    plugin.on_undo_of_call([&](deputy_call *c) {
        const int kept = deputyd::effect_table.kept(c);
        EXPECT_EQ(act_table.mknod(c, kept, "again", S_IFCHR, null_device, mknod_alone), -ESRCH);
        EXPECT_TRUE(fs::exists(root_ / "sub/n"));
        EXPECT_EQ(act_table.unlink(c, kept, "n", 0, 0), 0);
        ::fchownat(kept, "", 0, 0, AT_EMPTY_PATH);
        EXPECT_EQ(act_table.unlink(c, kept, "file", 0, 0), -EACCES);
        undone.store(true);
    });
    supervised child([] { return static_cast<int>(call(1)); }, true, [] { become(1000); });
    deputyd::host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), -SIGKILL);
    wait_until([&] { return undone.load(); });
    EXPECT_FALSE(fs::exists(root_ / "sub/n"));
}

/// root_/shared is a file system that the host shares with whoever copies its mount namespace; it has a file.
class caller_cover : public caller_act
{
protected:
    void SetUp() override
    {
        caller_act::SetUp();
        const fs::path place = root_ / "shared";
        fs::create_directory(place);
        ASSERT_EQ(::mount("none", place.c_str(), "tmpfs", 0, "mode=755"), 0);
        ASSERT_EQ(::mount(nullptr, place.c_str(), nullptr, MS_SHARED, nullptr), 0);
        std::ofstream(place / "file") << "x";
    }
    void TearDown() override
    {
        ::umount2((root_ / "shared").c_str(), MNT_DETACH);
        caller_act::TearDown();
    }
    static std::int32_t cover(deputy_call *c, const fs::path &source, const char *target)
    {
        const deputy::unique_fd from{::open(source.c_str(), O_PATH | O_CLOEXEC)};
        std::int32_t fd = -1;
        const std::int32_t r = path_table.resolve(c, AT_FDCWD, target, 0, &fd);
        const deputy::unique_fd on{fd};
        return r < 0 ? r : act_table.cover(c, from.get(), on.get());
    }
    /// The device that the caller sees there, or 0.
    static dev_t device_at(deputy_call *c, const char *path)
    {
        std::int32_t fd = -1;
        EXPECT_EQ(path_table.resolve(c, AT_FDCWD, path, 0, &fd), 0);
        const deputy::unique_fd owned{fd};
        struct stat st {
        };
        EXPECT_EQ(::fstat(fd, &st), 0);
        return S_ISCHR(st.st_mode) ? st.st_rdev : 0;
    }
    void enter_root() const { need(::chroot(root_.c_str()) == 0 && ::chdir("/") == 0); }
};

TEST_F(caller_cover, shows_a_node_of_the_host_to_the_container_alone)
{
    const auto own_root = inode("/");
    const auto own_directory = inode(".");
    in_handler(
        [&](auto *c, const auto &s) {
            EXPECT_EQ(cover(c, "/dev/null", "/sub/file"), 0);
            EXPECT_EQ(cover(c, "/dev/null", "/shared/file"), 0);
            EXPECT_EQ(device_at(c, "/sub/file"), null_device);
            EXPECT_EQ(device_at(c, "/shared/file"), null_device);
            for (const char *path : {"sub/file", "shared/file"}) {
                EXPECT_TRUE(fs::is_regular_file(root_ / path)) << path;
            }
            std::ifstream node("/proc/" + std::to_string(s.tid) + "/root/sub/file");
            EXPECT_TRUE(node.is_open());
            EXPECT_EQ(node.get(), EOF);
            // The thread is back where it was.
            EXPECT_EQ(inode("/"), own_root);
            EXPECT_EQ(inode("."), own_directory);
            struct stat own {
            };
            struct stat first {
            };
            ASSERT_EQ(::stat("/proc/thread-self/ns/mnt", &own), 0);
            ASSERT_EQ(::stat("/proc/self/ns/mnt", &first), 0);
            EXPECT_EQ(own.st_ino, first.st_ino);
        },
        [&] {
            enter_user_ns();
            enter_root();
        },
        false);
}

TEST_F(caller_cover, covers_kind_with_kind_alone)
{
    in_handler(
        [&](auto *c, const auto &) {
            EXPECT_EQ(cover(c, root_ / "secret", "/sub/file"), -EINVAL);
            EXPECT_EQ(cover(c, "/dev/null", "/sub"), -EINVAL);
            EXPECT_EQ(cover(c, root_ / "secret", "/sub"), 0);
            EXPECT_EQ(act_table.cover(c, -1, -1), -EBADF);
        },
        [&] {
            enter_user_ns();
            enter_root();
        },
        false);
}

TEST_F(caller_cover, is_refused_where_the_host_would_see_it)
{
    in_handler([&](auto *c, const auto &) { EXPECT_EQ(cover(c, "/dev/null", "/sub/file"), -EPERM); });
    in_handler([&](auto *c, const auto &) { EXPECT_EQ(cover(c, "/dev/null", "/shared/file"), -EPERM); },
               [&] {
                   need(::unshare(CLONE_NEWNS) == 0);
                   enter_root();
               },
               false);
    EXPECT_TRUE(fs::is_regular_file(root_ / "shared/file"));
}

TEST_F(caller_act, leaves_no_descriptor_behind)
{
    const auto before = open_descriptors();
    as_user([&](auto *c, const auto &) {
        mknod(c, root_ / "sub", "n", S_IFCHR | 0666);
        open(c, directory(root_ / "sub").get(), "n", O_RDONLY);
        open(c, directory(root_ / "sub").get(), "none", O_RDONLY);
    });
    EXPECT_EQ(open_descriptors(), before);
}

} // namespace
