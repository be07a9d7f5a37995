// SPDX-License-Identifier: Apache-2.0
// A path is cut before its last component.
#include <cerrno>
#include <gtest/gtest.h>

#include "caller/path_split.hpp"

namespace deputyd
{
namespace
{

struct expected {
    const char *path;
    const char *directory;
    const char *name;
    std::uint32_t kind;
    bool trailing_slash;
};

TEST(path_split, cuts_before_the_last_component)
{
    const expected all[] = {
        {"a", ".", "a", DEPUTY_LAST_NAME, false},         {"a/b", "a/.", "b", DEPUTY_LAST_NAME, false},
        {"a//b", "a//.", "b", DEPUTY_LAST_NAME, false},   {"/a", "/.", "a", DEPUTY_LAST_NAME, false},
        {"/a/b///", "/a/.", "b", DEPUTY_LAST_NAME, true}, {"a/", ".", "a", DEPUTY_LAST_NAME, true},
        {"/", "/", "", DEPUTY_LAST_ROOT, true},           {"//", "/", "", DEPUTY_LAST_ROOT, true},
        {".", ".", "", DEPUTY_LAST_DOT, false},           {"a/./", "a/.", "", DEPUTY_LAST_DOT, true},
        {"..", ".", "", DEPUTY_LAST_DOT_DOT, false},      {"/..", "/.", "", DEPUTY_LAST_DOT_DOT, false},
        {"a/..b", "a/.", "..b", DEPUTY_LAST_NAME, false}, {"...", ".", "...", DEPUTY_LAST_NAME, false},
    };
    for (const auto &e : all) {
        const split_path parts = split(e.path);
        EXPECT_EQ(parts.directory, e.directory) << e.path;
        EXPECT_EQ(parts.name, e.name) << e.path;
        EXPECT_EQ(parts.kind, e.kind) << e.path;
        EXPECT_EQ(parts.trailing_slash, e.trailing_slash) << e.path;
    }
}

TEST(path_split, a_path_has_1_to_4095_bytes)
{
    EXPECT_EQ(check_path(""), ENOENT);
    EXPECT_EQ(check_path("a"), 0);
    EXPECT_EQ(check_path(std::string(4095, 'a')), 0);
    EXPECT_EQ(check_path(std::string(4096, 'a')), ENAMETOOLONG);
}

TEST(path_split, a_component_is_neither_a_path_nor_a_dot)
{
    for (const char *good : {"a", "...", ".a", "a.", " "}) {
        EXPECT_TRUE(is_component(good)) << good;
    }
    for (const char *bad : {"", ".", "..", "/", "a/", "a/b", "/a", "../a"}) {
        EXPECT_FALSE(is_component(bad)) << bad;
    }
}

} // namespace
} // namespace deputyd
