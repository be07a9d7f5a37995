// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <fstream>
#include <functional>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace deputy_test
{

inline ino_t inode(const std::filesystem::path &p)
{
    struct stat st {
    };
    return ::lstat(p.c_str(), &st) == 0 ? st.st_ino : 0;
}

/// In the child of supervised: what fails there ends it.
inline void need(bool good)
{
    if (!good) {
        ::_exit(95);
    }
}

/// The calling process becomes an ordinary user.
inline void become(uid_t id, const std::vector<gid_t> &groups = {})
{
    need(::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(id, id, id) == 0 &&
         ::setresuid(id, id, id) == 0);
}

/// A tree that becomes a caller's root:
///     sub/file  sub/absolute -> /sub/file  sub/up -> ../../../../sub/file  secret (0700)/file
class caller_tree : public testing::Test
{
protected:
    void SetUp() override
    {
        char name[] = "/tmp/deputy-paths-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        root_ = name;
        ::chmod(name, 0755);
        std::filesystem::create_directory(root_ / "sub");
        std::filesystem::create_directory(root_ / "secret");
        std::filesystem::permissions(root_ / "secret", std::filesystem::perms::owner_all);
        std::ofstream(root_ / "sub" / "file") << "x";
        std::ofstream(root_ / "secret" / "file") << "x";
        std::filesystem::create_symlink("/sub/file", root_ / "sub" / "absolute");
        std::filesystem::create_symlink("../../../../sub/file", root_ / "sub" / "up");
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    using check = std::function<void(deputy_call *, const deputy_syscall &)>;
    /// Runs checks in a handler for a caller that is in the root, at /sub, after prepare. Its second argument
    /// is a descriptor of sub.
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
                             need(!chrooted || (::chroot(root_.c_str()) == 0 && ::chdir("/sub") == 0));
                             prepare();
                         });
        deputyd::host h({});
        h.serve(container_of(child), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), 0);
    }

    /// Of the caller, as it is when its listener is there.
    virtual std::shared_ptr<const deputyd::container> container_of(const supervised &)
    {
        return container(1);
    }

    static inline std::uint64_t sub_fd = 0;
    std::filesystem::path root_;
};

} // namespace deputy_test
