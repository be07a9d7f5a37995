// SPDX-License-Identifier: Apache-2.0
// nodev = "bind": on a file system whose nodes cannot be opened the host's node is bound over the one made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

/// Mounts a tmpfs of its own at /run/m and runs the script there. Nothing in it may fail unseen.
outcome on_tmpfs(const std::string &script, const command &options = {"--set", R"(mknod.nodev="bind")"})
{
    return run(
        command{DEPUTY_BIN_DIR "/deputy", "run", "--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable", "mknod"} +
        options +
        command{"--", "/bin/bash", "-euc",
                "mkdir /run/m; mount -t tmpfs -o mode=755 none /run/m; cd /run/m; " + script});
}

TEST(mknod_bind, makes_a_node_that_can_be_used_until_it_is_unmounted)
{
    const outcome o = on_tmpfs("mknod -m 600 zero c 1 5 2>/dev/null || true; mknod null c 1 3; "
                               "echo lost >null; head -c 2 zero | wc -c; stat -c '%n %F %t:%T' null zero; "
                               "rm null 2>&1 || true; mknod null c 1 3 2>&1 || true; "
                               "umount null; rm null; ls");
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("2\nnull character special file 1:3\nzero character special file 1:5\n"));
    EXPECT_THAT(o.out, HasSubstr("rm: cannot remove 'null': Device or resource busy\n"));
    EXPECT_THAT(o.out, HasSubstr("mknod: null: File exists\nzero\n"));
}

TEST(mknod_bind, leaves_alone_what_can_be_opened_anyway)
{
    const outcome o = on_tmpfs("mknod /run/n c 1 3; echo lost >/run/n; rm /run/n; ls");
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.out, "");
}

TEST(mknod_bind, is_seen_in_the_callers_mount_namespace_alone)
{
    // The namespace above shares the file system: it sees the bare node, which it may remove.
    const outcome o =
        on_tmpfs("unshare -m bash -euc 'mknod n c 1 3; cat n; grep -c run/m/n /proc/self/mounts'; "
                 "cat n 2>&1 || true; grep run/m/n /proc/self/mounts || true; rm n; ls");
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.out, "1\ncat: n: Permission denied\n");
}

TEST(mknod_bind, follows_the_callers_root)
{
    const outcome o =
        on_tmpfs("mkdir d; cp /bin/busybox .; cp /bin/busybox d; ./busybox chroot d /busybox mknod /n c 1 3; "
                 "echo lost >d/n; stat -c '%F' d/n");
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.out, "character special file\n");
}

TEST(mknod_bind, refuses_a_device_of_which_the_host_has_no_node)
{
    const outcome o = on_tmpfs("mknod n c 4095 77 2>&1 || true; ls",
                               {"--set", R"(mknod.nodev="bind")", "--set", R"(mknod.devices=["c 4095:77"])"});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.out, "mknod: n: Operation not permitted\n");
}

TEST(mknod_bind, is_off_by_default)
{
    const outcome o = on_tmpfs("mknod n c 1 3 2>&1 || true; ls", {});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.out, "mknod: n: Operation not permitted\n");
}

TEST(mknod_bind, gives_no_owner_or_mode_but_the_hosts)
{
    // 0:0 of the host is nobody's in the container: its root may not change the host's node.
    const outcome o = on_tmpfs("mknod -m 600 null c 1 3 2>/dev/null || true; stat -c '%U %a' null; "
                               "chmod 600 null 2>&1 || true; chown 0:0 null 2>&1 || true");
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("nobody 666\n"));
    EXPECT_THAT(o.out, HasSubstr("chmod: changing permissions of 'null': Operation not permitted"));
    EXPECT_THAT(o.out, HasSubstr("chown: changing ownership of 'null': Operation not permitted"));
}

} // namespace
} // namespace deputyd::test
