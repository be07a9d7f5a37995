// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/log.hpp"
#include "base/nearest.hpp"

namespace
{

using deputyd::escaped;

TEST(Escaped, leaves_text_as_it_is)
{
    EXPECT_EQ(escaped("mknod /dev/null, größer, \xf0\x9f\x90\xa7"),
              "mknod /dev/null, größer, \xf0\x9f\x90\xa7");
}

TEST(Escaped, shows_control_characters)
{
    EXPECT_EQ(escaped("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
    EXPECT_EQ(escaped(std::string_view("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(escaped("\xc2\x9b"), "\\xc2\\x9b"); // a control character of its own in UTF-8
}

TEST(Escaped, shows_bytes_that_are_not_utf8)
{
    EXPECT_EQ(escaped("\xff"), "\\xff");
    EXPECT_EQ(escaped("\xc3"), "\\xc3");
    EXPECT_EQ(escaped("\xc0\xaf"), "\\xc0\\xaf");                   // overlong
    EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");          // surrogate
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); // above U+10FFFF
}

TEST(Log, knows_its_levels)
{
    EXPECT_FALSE(deputyd::start_log("loud"));
    EXPECT_FALSE(deputyd::start_log(""));
    EXPECT_TRUE(deputyd::start_log("error"));
    EXPECT_TRUE(deputyd::start_log("info"));
}

TEST(DidYouMean, finds_the_nearest_name)
{
    const std::string names[] = {"mknod", "open", "bpf_cgroup_device"};
    EXPECT_EQ(deputyd::did_you_mean("mkond", names), "; did you mean mknod?");
    EXPECT_EQ(deputyd::did_you_mean("bpf_cgroup_devices", names), "; did you mean bpf_cgroup_device?");
}

TEST(DidYouMean, says_nothing_where_nothing_is_near)
{
    const std::string names[] = {"mknod", "open"};
    EXPECT_EQ(deputyd::did_you_mean("sysinfo", names), "");
    EXPECT_EQ(deputyd::did_you_mean("x", {}), "");
}

} // namespace
