// SPDX-License-Identifier: Apache-2.0
// While a call is under way its path changes its meaning. DEPUTY_RACE_ATTEMPTS=1000000 for a long run.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/differential.hpp"

namespace deputyd::test
{
namespace
{

std::string attempts()
{
    const char *set = std::getenv("DEPUTY_RACE_ATTEMPTS");
    return set == nullptr ? "10000" : set;
}

TEST(mknod_races, make_no_node_where_the_caller_could_not)
{
    const twin_trees trees("mknod_races",
                           [](const auto &root) { std::filesystem::create_directory(root / "work"); });
    const scratch_directory canary; // a directory of the host that anyone may write, at a path of the host
    const outcome o =
        run(command{DEPUTY_BIN_DIR "/deputy", "run", "--plugin-dir", DEPUTY_PLUGINS_DIR, "--rootfs",
                    trees.inside(), "--enable", "mknod", "--", "/client", "/work", attempts(), canary.path()},
            {.timeout = std::chrono::hours(2)});
    const auto got = values(o.out);
    ASSERT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(got.at("in_peace"), "ok") << o.err;
    EXPECT_GT(std::stoi(got.at("made")), 0) << "no call came through, so nothing has been shown";
    EXPECT_EQ(got.at("status"), "0");
    EXPECT_EQ(got.at("outside"), "0");
    EXPECT_EQ(got.at("theirs"), "0");
    EXPECT_TRUE(std::filesystem::is_empty(canary.path()));
}

} // namespace
} // namespace deputyd::test
