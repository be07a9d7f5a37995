// SPDX-License-Identifier: Apache-2.0
// Ids of the host, as a user namespace calls them.
#include <gtest/gtest.h>

#include "caller/id_map.hpp"

namespace deputyd
{
namespace
{

TEST(id_map, tells_what_an_id_is_called_inside)
{
    const auto map = parse_id_map("         0       1000          1\n         1     100000      65536\n");
    ASSERT_EQ(map.size(), 2U);
    EXPECT_EQ(id_inside(map, 1000), 0U);
    EXPECT_EQ(id_inside(map, 100000), 1U);
    EXPECT_EQ(id_inside(map, 165535), 65536U);
    for (const std::uint32_t outside : {0U, 999U, 1001U, 99999U, 165536U, 4294967295U}) {
        EXPECT_EQ(id_inside(map, outside), std::nullopt) << outside;
    }
}

TEST(id_map, the_initial_namespace_maps_all_but_the_invalid_id)
{
    const auto map = parse_id_map("0 0 4294967295\n");
    EXPECT_EQ(id_inside(map, 0), 0U);
    EXPECT_EQ(id_inside(map, 4294967294), 4294967294U);
    EXPECT_EQ(id_inside(map, 4294967295), std::nullopt);
}

TEST(id_map, is_empty_where_the_text_is_none)
{
    for (const char *text : {"", "0 x 1\n", "0 1000 1\n1 2\n", "0 1000 0\n", "0 4294967296 1\n"}) {
        EXPECT_TRUE(parse_id_map(text).empty()) << text;
    }
}

} // namespace
} // namespace deputyd
