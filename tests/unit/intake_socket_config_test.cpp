// SPDX-License-Identifier: Apache-2.0
#include "intake/socket_config.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace
{

using deputyd::protocol;
using deputyd::socket_config;
using testing::ElementsAre;
using testing::HasSubstr;

class SocketConfig : public testing::Test
{
protected:
    std::filesystem::path file_ =
        std::filesystem::temp_directory_path() / ("deputy-sockets-" + std::to_string(getpid()));
    void TearDown() override { std::filesystem::remove(file_); }

    std::vector<socket_config> read(const std::string &text) const
    {
        std::ofstream(file_) << "[policy.nested]\n[policy.build]\n" << text;
        const auto tree = deputyd::read_toml(file_);
        return socket_configs(tree, deputyd::policies(tree), "/run/deputy");
    }
    std::string refusal(const std::string &text) const
    {
        try {
            read(text);
        } catch (const deputyd::config_error &e) {
            return e.what();
        }
        return "accepted";
    }
};

TEST_F(SocketConfig, has_two_sockets_for_root_by_default)
{
    const auto all = read("");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].path, "/run/deputy/oci.sock");
    EXPECT_EQ(all[0].speaks, protocol::oci);
    EXPECT_THAT(all[0].policies, ElementsAre("build", "nested"));
    EXPECT_EQ(all[0].default_policy, "nested");
    EXPECT_FALSE(all[0].owner || all[0].group);
    EXPECT_EQ(all[1].name, "lxc.sock");
    EXPECT_EQ(all[1].speaks, protocol::lxc);
}

TEST_F(SocketConfig, opens_a_socket_to_a_user_and_a_group_with_policies_of_its_own)
{
    const auto all = read(R"(
[[socket]]
path = "/srv/build.sock"
protocol = "oci"
policies = ["build"]
user = "daemon"
group = "daemon"
)");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].path, "/srv/build.sock");
    EXPECT_EQ(all[0].owner, 1u);
    EXPECT_EQ(all[0].group, 1u);
    EXPECT_EQ(all[0].default_policy, "build");
}

TEST_F(SocketConfig, names_what_is_wrong)
{
    const std::string good = "[[socket]]\npath = \"a.sock\"\nprotocol = \"oci\"\n";
    EXPECT_THAT(refusal("[[socket]]\nprotocol = \"oci\""), HasSubstr("socket.path: is missing"));
    EXPECT_THAT(refusal("[[socket]]\npath = \"a\"\nprotocol = \"ocr\""),
                HasSubstr("must be \"oci\" or \"lxc\", not \"ocr\""));
    EXPECT_THAT(refusal(good + "polices = []"),
                HasSubstr("socket.polices: is not a key of a socket; did you mean policies?"));
    EXPECT_THAT(refusal(good + "policies = [\"nestd\"]"),
                HasSubstr("there is no policy nestd; did you mean nested?"));
    EXPECT_THAT(refusal(good + "policies = \"nested\""), HasSubstr("must be a list of strings"));
    EXPECT_THAT(refusal(good + "policies = [\"build\"]\ndefault = \"nested\""),
                HasSubstr("nested is not among the socket's policies"));
    EXPECT_THAT(refusal(good + "user = \"nobody-at-all\""), HasSubstr("there is no user nobody-at-all"));
    EXPECT_THAT(refusal(good + good), HasSubstr("two sockets have the name a.sock"));
    EXPECT_THAT(refusal("[[socket]]\npath = \"" + std::string(120, 'x') + "\"\nprotocol = \"oci\""),
                HasSubstr("less than 108 bytes"));
    EXPECT_THAT(refusal("[socket]\na = 1"), HasSubstr("write [[socket]]"));
}

TEST_F(SocketConfig, opens_no_lxc_socket_to_others)
{
    EXPECT_THAT(refusal("[[socket]]\npath = \"a\"\nprotocol = \"lxc\"\nuser = \"daemon\""),
                HasSubstr("for root alone"));
}

} // namespace
