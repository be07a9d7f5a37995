// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <vector>

#include <deputy/testing/kit.hpp>

namespace
{

using deputy::testing::fake_host;
using deputy::testing::fake_plugin;

class shared_sync : public testing::Test
{
protected:
    static const deputy_plugin_v1 &description()
    {
        const deputy_plugin_v1 *table = nullptr;
        deputy_plugin_query_v1(DEPUTY_ABI_MINOR, &table);
        return *table;
    }

    fake_host host;
    fake_plugin plugin{host, description()};
};

TEST_F(shared_sync, answers_after_the_handler_has_returned)
{
    plugin.ready();
    const auto got = plugin.call("sync", {});
    ASSERT_EQ(got.verdict, DEPUTY_DEFER);
    const auto answer = host.deferred.wait(got.ticket, std::chrono::minutes(5));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->verdict, DEPUTY_REPLY);
    EXPECT_EQ(answer->error, 0);
    EXPECT_EQ(answer->value, 0);
}

TEST_F(shared_sync, runs_once_for_all_who_wait)
{
    std::vector<std::uint64_t> tickets;
    for (int i = 0; i < 5; ++i) {
        tickets.push_back(plugin.call("sync", {}).ticket);
    }
    EXPECT_EQ(host.deferred.waiting(), 5u);
    plugin.ready();
    for (const std::uint64_t ticket : tickets) {
        EXPECT_TRUE(host.deferred.wait(ticket, std::chrono::minutes(5)));
    }
    EXPECT_EQ(host.deferred.waiting(), 0u);
    EXPECT_TRUE(host.logged("one sync for 5 calls"));
}

TEST_F(shared_sync, forgets_callers_that_have_gone)
{
    const auto gone = plugin.call("sync", {});
    const auto stays = plugin.call("sync", {});
    plugin.tell_gone(gone.ticket);
    plugin.ready();
    EXPECT_TRUE(host.deferred.wait(stays.ticket, std::chrono::minutes(5)));
    EXPECT_FALSE(host.deferred.wait(gone.ticket, std::chrono::milliseconds(0)));
}

TEST_F(shared_sync, says_so_when_too_many_wait)
{
    for (unsigned i = 0; i < host.deferred.most; ++i) {
        ASSERT_EQ(plugin.call("sync", {}).verdict, DEPUTY_DEFER);
    }
    const auto got = plugin.call("sync", {});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY);
    EXPECT_EQ(got.error, EAGAIN);
}

TEST_F(shared_sync, ends_without_having_begun)
{
    EXPECT_EQ(plugin.call("sync", {}).verdict, DEPUTY_DEFER);
    EXPECT_EQ(host.deferred.waiting(), 1u); // the host's to answer
}

} // namespace
