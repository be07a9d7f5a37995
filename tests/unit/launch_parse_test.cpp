// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mount_table.hpp"
#include "launch/container_process.hpp"
#include "launch/file_systems.hpp"
#include "launch/id_range.hpp"

namespace deputyd
{
namespace
{

TEST(launch_id_range, reads_subordinate_ranges_and_skips_other_lines)
{
    const auto spans =
        subordinate_ids("root:100000:65536\n# comment\nuser:x:1\nlxd:1000000:1000000000\nlast:7:1");
    ASSERT_EQ(spans.size(), 3U);
    EXPECT_EQ(spans[0].first, 100000U);
    EXPECT_EQ(spans[0].count, 65536U);
    EXPECT_EQ(spans[1].count, 1000000000U);
    EXPECT_EQ(spans[2].first, 7U);
    EXPECT_TRUE(subordinate_ids("").empty());
}

TEST(launch_id_range, reads_the_ids_of_accounts)
{
    const auto spans = account_ids("root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:33::/:/\n");
    ASSERT_EQ(spans.size(), 2U);
    EXPECT_EQ(spans[1].first, 33U);
    EXPECT_EQ(spans[1].count, 1U);
}

TEST(launch_id_range, knows_what_overlaps)
{
    EXPECT_TRUE(overlap({10, 5}, {14, 1}));
    EXPECT_TRUE(overlap({12, 1}, {10, 5}));
    EXPECT_FALSE(overlap({10, 5}, {15, 1}));
    EXPECT_FALSE(overlap({15, 1}, {10, 5}));
}

TEST(launch_id_range, is_never_given_twice_at_once)
{
    const id_range a, b;
    EXPECT_NE(a.base(), b.base());
    EXPECT_EQ(a.base() % id_range::size, 0U);
}

TEST(launch_mount_table, reads_lines_with_and_without_optional_fields)
{
    const auto mounts =
        parse_mount_table("22 27 0:21 / /proc rw,relatime - proc proc rw\n"
                          "36 25 8:1 /sub /mnt/with\\040space rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
                          "nonsense\n"
                          "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
    ASSERT_EQ(mounts.size(), 3U);
    EXPECT_EQ(mounts[0].type, "proc");
    EXPECT_EQ(mounts[1].root, "/sub");
    EXPECT_EQ(mounts[1].point, "/mnt/with space");
    EXPECT_EQ(mounts[1].type, "ext4");
    EXPECT_EQ(mounts[2].point, "/sys/fs/cgroup/unified");
}

TEST(launch_mount_table, reads_groups_of_propagation)
{
    const auto all =
        parse_mount_table("22 27 0:21 / /a rw - tmpfs none rw\n"
                          "23 27 0:21 / /b rw shared:7 - tmpfs none rw\n"
                          "24 27 0:21 / /c rw shared:8 master:7 propagate_from:2 - tmpfs none rw\n");
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].id, 22U);
    EXPECT_EQ(all[0].peers, 0U);
    EXPECT_EQ(all[0].master, 0U);
    EXPECT_EQ(all[1].peers, 7U);
    EXPECT_EQ(all[2].peers, 8U);
    EXPECT_EQ(all[2].master, 7U);
}

TEST(launch_mount_table, finds_the_cgroup2_path)
{
    EXPECT_EQ(cgroup2_path("9:name=systemd:/x\n0::/user.slice/a:b\n"), "/user.slice/a:b");
    EXPECT_EQ(cgroup2_path("0::/"), "/");
    EXPECT_EQ(cgroup2_path("9:name=systemd:/x\n"), "");
}

TEST(launch_bind, has_the_form_source_target_mode)
{
    const bind_option plain = parse_bind("data:/mnt/data");
    EXPECT_EQ(plain.source, "data");
    EXPECT_EQ(plain.target, "/mnt/data");
    EXPECT_FALSE(plain.read_only);
    EXPECT_TRUE(parse_bind("/a:/b:ro").read_only);
    EXPECT_EQ(parse_bind("/a:/b:ro").target, "/b");
}

TEST(launch_bind, of_another_form_is_refused)
{
    for (const char *text : {"", "/a", ":/b", "/a:", "/a:b", "/a:/b:rw", "/a:/b:ro:ro"}) {
        EXPECT_THROW(parse_bind(text), std::runtime_error) << text;
    }
}

TEST(launch_signal, state_is_read_from_the_masks)
{
    const char *status = "Name:\tsh\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000004000\n"
                         "SigBlk:\t0000000000004000\nSigIgn:\t0000000000000004\nSigCgt:\t8000000000000002\n";
    EXPECT_TRUE(read_signal_state(status, 15).blocked);
    EXPECT_TRUE(read_signal_state(status, 15).pending);
    EXPECT_FALSE(read_signal_state(status, 15).handled);
    for (const int number : {2, 3, 64}) {
        EXPECT_TRUE(read_signal_state(status, number).handled);
        EXPECT_FALSE(read_signal_state(status, number).blocked);
    }
    EXPECT_FALSE(read_signal_state(status, 1).handled);
    EXPECT_FALSE(read_signal_state("", 15).blocked);
}

} // namespace
} // namespace deputyd
