// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <sys/utsname.h>

#include <deputy/testing/kit.hpp>

namespace
{

using deputy::testing::fake_host;
using deputy::testing::fake_plugin;

class uname_label : public testing::Test
{
protected:
    uname_label()
    {
        host.settings.set(0, "/nodename", "container");
        host.settings.set(0, "/domainname", "(none)");
        host.settings.set(1, "/nodename", "web-1");
        plugin.add_container(1);
        plugin.add_container(2);
    }
    static const deputy_plugin_v1 &description()
    {
        const deputy_plugin_v1 *table = nullptr;
        deputy_plugin_query_v1(DEPUTY_ABI_MINOR, &table);
        return *table;
    }

    fake_host host;
    fake_plugin plugin{host, description()};
    const std::uint64_t buffer = host.map(std::vector<std::byte>(sizeof(utsname), std::byte{0x5a}));
};

TEST_F(uname_label, gives_the_node_name_of_the_policy)
{
    const auto got = plugin.call("uname", {buffer});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY);
    EXPECT_EQ(got.error, 0);
    EXPECT_EQ(got.value, 0);
    EXPECT_STREQ(host.object<utsname>(buffer).nodename, "web-1");
}

TEST_F(uname_label, gives_each_container_its_own_or_the_default)
{
    plugin.call("uname", {buffer}, 2);
    EXPECT_STREQ(host.object<utsname>(buffer).nodename, "container");
}

TEST_F(uname_label, gives_the_rest_as_it_is)
{
    utsname mine{};
    ASSERT_EQ(::uname(&mine), 0);
    plugin.call("uname", {buffer});
    const auto theirs = host.object<utsname>(buffer);
    EXPECT_STREQ(theirs.sysname, mine.sysname);
    EXPECT_STREQ(theirs.release, mine.release);
    EXPECT_STREQ(theirs.version, mine.version);
    EXPECT_STREQ(theirs.machine, mine.machine);
    EXPECT_STREQ(theirs.domainname, "(none)");
}

TEST_F(uname_label, shows_nothing_after_the_end_of_a_name)
{
    plugin.call("uname", {buffer});
    const auto theirs = host.object<utsname>(buffer);
    for (std::size_t i = std::strlen("web-1"); i < sizeof theirs.nodename; ++i) {
        EXPECT_EQ(theirs.nodename[i], '\0');
    }
}

TEST_F(uname_label, cuts_what_does_not_fit)
{
    host.settings.set(1, "/nodename", std::string(80, 'x'));
    plugin.call("uname", {buffer});
    EXPECT_EQ(std::string(host.object<utsname>(buffer).nodename), std::string(64, 'x'));
}

TEST_F(uname_label, says_that_an_address_is_bad)
{
    EXPECT_EQ(plugin.call("uname", {0}).error, EFAULT);
    EXPECT_EQ(plugin.call("uname", {buffer + 1}).error, EFAULT);
}

TEST_F(uname_label, leaves_deeper_user_namespaces_to_the_kernel)
{
    host.identity.in_container_user_ns = 0;
    EXPECT_EQ(plugin.call("uname", {buffer}).verdict, DEPUTY_CONTINUE);
    EXPECT_EQ(host.memory(buffer).at(0), std::byte{0x5a});
}

TEST_F(uname_label, fails_where_a_service_fails)
{
    const auto steps = deputy::testing::for_each_step(
        host, plugin, -EIO, [&] { return plugin.call("uname", {buffer}); },
        [](const std::string &service, const auto &got) {
            EXPECT_EQ(got.verdict, service.empty() ? DEPUTY_REPLY : -EIO) << service;
        });
    EXPECT_EQ(steps, 2u); // who calls, and its memory
}

TEST_F(uname_label, fails_for_a_container_that_it_does_not_know)
{
    EXPECT_EQ(plugin.call("uname", {buffer}, 3).verdict, -ENOENT);
    EXPECT_EQ(host.memory(buffer).at(0), std::byte{0x5a});
}

TEST_F(uname_label, needs_its_tables)
{
    fake_host older;
    older.lacking.insert(DEPUTY_EXT_SETTINGS_1);
    EXPECT_THROW(fake_plugin(older, description()), std::system_error);
    EXPECT_TRUE(older.logged(DEPUTY_EXT_SETTINGS_1));
}

} // namespace
