// SPDX-License-Identifier: Apache-2.0
#include "intake/subordinate_ids.hpp"

#include <gtest/gtest.h>

namespace
{

using deputyd::id_extent;
using deputyd::mapped_extents;
using deputyd::within;

const std::vector<id_extent> granted = {{1000, 1}, {100000, 65536}, {165536, 1000}};

TEST(SubordinateIds, cover_what_lies_in_one_grant)
{
    EXPECT_TRUE(within({1000, 1}, granted));
    EXPECT_TRUE(within({100000, 65536}, granted));
    EXPECT_TRUE(within({100001, 5}, granted));
}

TEST(SubordinateIds, cover_what_neighbouring_grants_have_together)
{
    EXPECT_TRUE(within({100000, 66536}, granted));
}

TEST(SubordinateIds, do_not_cover_what_reaches_beyond)
{
    EXPECT_FALSE(within({0, 1}, granted));
    EXPECT_FALSE(within({999, 2}, granted));
    EXPECT_FALSE(within({1000, 2}, granted));
    EXPECT_FALSE(within({99999, 2}, granted));
    EXPECT_FALSE(within({100000, 66537}, granted));
    EXPECT_FALSE(within({0, 4294967295}, granted));
    EXPECT_FALSE(within({100000, ~0ull}, granted));
}

TEST(SubordinateIds, are_read_from_a_map)
{
    const auto extents =
        mapped_extents("         0       1000          1\n         1     100000      65536\n");
    ASSERT_EQ(extents.size(), 2u);
    EXPECT_EQ(extents[0].first, 1000u);
    EXPECT_EQ(extents[1].first, 100000u);
    EXPECT_EQ(extents[1].count, 65536u);
    EXPECT_TRUE(mapped_extents("").empty());
    EXPECT_TRUE(mapped_extents("0 x 1\n").empty());
    EXPECT_TRUE(mapped_extents("0 1000 1\n1 2\n").empty());
}

TEST(SubordinateIds, begin_with_the_users_own_id)
{
    const auto g = deputyd::granted_to(4242, 4343);
    ASSERT_FALSE(g.uids.empty());
    EXPECT_TRUE(within({4242, 1}, g.uids));
    EXPECT_TRUE(within({4343, 1}, g.gids));
    EXPECT_FALSE(within({0, 1}, g.uids));
}

} // namespace
