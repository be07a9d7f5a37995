// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <deputy/testing/kit.hpp>

namespace
{

using deputy::testing::fake_host;
using deputy::testing::fake_plugin;

class no_accounting : public testing::Test
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

TEST_F(no_accounting, is_turned_off_by_root_of_the_container)
{
    const auto got = plugin.call("acct", {0});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY);
    EXPECT_EQ(got.error, 0);
}

TEST_F(no_accounting, is_not_turned_off_without_the_capability)
{
    host.identity.capabilities &= ~(std::uint64_t{1} << CAP_SYS_PACCT);
    EXPECT_EQ(plugin.call("acct", {0}).error, EPERM);
}

TEST_F(no_accounting, is_not_turned_off_by_root_of_a_deeper_user_namespace)
{
    host.identity.in_container_user_ns = 0;
    EXPECT_EQ(plugin.call("acct", {0}).error, EPERM);
}

TEST_F(no_accounting, leaves_a_file_name_to_the_kernel)
{
    EXPECT_THROW(plugin.call("acct", {host.map_string("/var/log/account")}), std::out_of_range);
}

TEST_F(no_accounting, says_no_while_the_caller_cannot_be_looked_at)
{
    host.fails.fail("caller.privileges", -ESRCH);
    EXPECT_NE(plugin.call("acct", {0}).error, 0);
}

} // namespace
