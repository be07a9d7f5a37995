// SPDX-License-Identifier: Apache-2.0
// Whatever threads of the container change during an open, it gets nothing that no rule grants.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/granted_tree.hpp"

namespace deputyd::test
{
namespace
{

/// DEPUTY_RACE_ATTEMPTS is for long runs: a million or more.
std::string attempts()
{
    const char *wanted = std::getenv("DEPUTY_RACE_ATTEMPTS");
    return wanted == nullptr ? "10000" : wanted;
}

TEST(open_races, show_nothing_beside_what_is_granted)
{
    const granted_tree tree;
    std::filesystem::permissions(tree.data(), std::filesystem::perms(0777));
    const outcome o = run(tree.container({client("open_race"), attempts(), tree.path() / "secret"}),
                          {.timeout = std::chrono::hours(2)});
    auto got = values(o.out);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(got["attempts"], attempts());
    EXPECT_EQ(got["leaked"], "0");
    EXPECT_GT(std::atoi(got["opened"].c_str()), 100);
    EXPECT_GT(std::atoi(got["refused"].c_str()), 100);
    EXPECT_EQ(text_of(tree.path() / "secret/file"), "SECRET\n");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tree.path() / "secret"), {}), 1);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tree.path()), {}), 2);
}

} // namespace
} // namespace deputyd::test
