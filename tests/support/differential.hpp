// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fnmatch.h>
#include <functional>
#include <set>
#include <span>

#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{

/// Where deputy's answers may differ from the kernel's, and why. The first that names a case counts.
struct difference {
    const char *cases;  ///< glob
    const char *answer; ///< of deputy; glob
    const char *reason;
};

/// Compares "NAME ANSWER" lines: deputy's answer to every case must be the kernel's, or the one of the list;
/// every entry of the list must be needed.
inline void expect_same_answers(const std::string &native, const std::string &inside,
                                std::span<const difference> differences)
{
    const auto kernel = values(native);
    auto deputy = values(inside);
    std::set<const difference *> used;
    for (const auto &[name, answer] : kernel) {
        const difference *listed = nullptr;
        for (const auto &d : differences) {
            if (listed == nullptr && ::fnmatch(d.cases, name.c_str(), 0) == 0) {
                listed = &d;
            }
        }
        if (deputy[name] == answer) {
            continue;
        }
        if (listed == nullptr) {
            ADD_FAILURE() << name << ": " << deputy[name] << " and not " << answer;
            continue;
        }
        EXPECT_EQ(::fnmatch(listed->answer, deputy[name].c_str(), 0), 0)
            << name << ": " << deputy[name] << " and not " << listed->answer << ", which is listed because "
            << listed->reason;
        used.insert(listed);
    }
    for (const auto &d : differences) {
        EXPECT_TRUE(used.count(&d) != 0) << d.cases << " is listed but no difference";
    }
    EXPECT_EQ(deputy.size(), kernel.size());
}

/// A root file system with nothing in it but the client at /client and what prepare adds, twice: for the
/// kernel and for deputy, so that neither finds what the other left.
class twin_trees
{
public:
    using prepare_fn = std::function<void(const std::filesystem::path &root)>;

    explicit twin_trees(const std::string &client, const prepare_fn &prepare = {})
    {
        for (const auto &root : {native(), inside()}) {
            std::filesystem::create_directory(root);
            ::chmod(root.c_str(), 0755);
            for (const char *name : {"dev", "proc", "sys", "tmp", "run"}) {
                std::filesystem::create_directory(root / name);
            }
            std::filesystem::copy_file(DEPUTY_BIN_DIR "/clients/" + client, root / "client");
            if (prepare) {
                prepare(root);
            }
        }
    }

    [[nodiscard]] std::filesystem::path native() const { return scratch_.path() / "native"; }
    [[nodiscard]] std::filesystem::path inside() const { return scratch_.path() / "inside"; }

    /// The client as root of the host, with a tree as its root and the mounts that `deputy run --rootfs`
    /// makes.
    /// @param set_up shell text, run in the tree's root before it is entered; mounts made there are private.
    [[nodiscard]] outcome run_native(const command &arguments = {}, const std::string &set_up = "true") const
    {
        static const std::string mounts = R"(set -e
mount --bind "$0" "$0"
cd "$0"
mount -t tmpfs -o mode=0755 dev dev
for d in 'null 3' 'zero 5' 'full 7' 'random 8' 'urandom 9'; do
    mknod -m 0666 "dev/${d% *}" c 1 "${d#* }"
done
mknod -m 0666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
mkdir dev/shm dev/pts
mount -t proc proc proc
mount -t sysfs sys sys
for d in tmp dev/shm; do mount -t tmpfs -o mode=1777 none "$d"; done
mount -t tmpfs -o mode=0755 none run
umask 022
)";
        // Not chrooted: the kernel makes no user namespace for who is.
        static const std::string enter = R"(
mkdir old
pivot_root . old
exec /old/bin/busybox sh -c '/old/bin/busybox umount -l /old; exec /client "$@"' sh "$@"
)";
        const std::string script = mounts + set_up + enter;
        return run(command{"unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation",
                           "private", "/bin/sh", "-c", script, native()} +
                   arguments);
    }
    /// The client as the container's root.
    [[nodiscard]] outcome run_inside(const command &options, const command &arguments = {}) const
    {
        return run(command{DEPUTY_BIN_DIR "/deputy", "run", "--plugin-dir", DEPUTY_PLUGINS_DIR, "--rootfs",
                           inside()} +
                   options + command{"--", "/client"} + arguments);
    }

private:
    scratch_directory scratch_;
};

} // namespace deputyd::test
