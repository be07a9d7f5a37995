// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <deputy/testing/kit.hpp>

namespace
{

using deputy::testing::fake_host;
using deputy::testing::fake_plugin;

constexpr std::uint64_t read_action = 2;
constexpr std::uint64_t read_all = 3;
constexpr std::uint64_t size_buffer = 10;

class empty_kernel_log : public testing::Test
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
    const std::uint64_t buffer = host.map_zeroes(4096);
};

TEST_F(empty_kernel_log, has_nothing_to_read)
{
    const auto got = plugin.call("syslog", {read_all, buffer, 4096});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY);
    EXPECT_EQ(got.error, 0);
    EXPECT_EQ(got.value, 0);
}

TEST_F(empty_kernel_log, has_a_size_that_dmesg_can_allocate)
{
    EXPECT_EQ(plugin.call("syslog", {size_buffer, 0, 0}).value, 4096);
}

TEST_F(empty_kernel_log, refuses_what_the_kernel_refuses)
{
    EXPECT_EQ(plugin.call("syslog", {read_all, 0, 4096}).error, EINVAL);
    EXPECT_EQ(plugin.call("syslog", {read_all, buffer, 0xffffffff}).error, EINVAL);
}

TEST_F(empty_kernel_log, looks_at_the_lower_half_of_a_register)
{
    EXPECT_EQ(plugin.call("syslog", {0xffffffff00000000 | read_all, buffer, 0xffffffff00000000}).error, 0);
}

TEST_F(empty_kernel_log, leaves_other_actions_to_the_kernel)
{
    EXPECT_THROW(plugin.call("syslog", {read_action, buffer, 4096}), std::out_of_range);
}

} // namespace
