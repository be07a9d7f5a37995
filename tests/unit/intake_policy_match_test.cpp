// SPDX-License-Identifier: Apache-2.0
#include "intake/policy_match.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace
{

using deputyd::arrival;
using deputyd::choose_policy;
using deputyd::policy_match;

class PolicyMatch : public testing::Test
{
protected:
    std::filesystem::path file_ =
        std::filesystem::temp_directory_path() / ("deputy-match-" + std::to_string(getpid()));
    void TearDown() override { std::filesystem::remove(file_); }

    /// The rules of a configuration with the policies plain, build and root.
    std::vector<policy_match> read(const std::string &text) const
    {
        std::ofstream(file_) << "[policy.plain]\n[policy.build]\n[policy.root]\n" << text;
        const auto tree = deputyd::read_toml(file_);
        const deputyd::policies known(tree);
        return policy_matches(tree, known, socket_configs(tree, known, "/run/deputy"));
    }
    static arrival comes()
    {
        arrival a;
        a.socket = "oci.sock";
        a.policies = {"plain", "build", "root"};
        a.default_policy = "plain";
        a.sender = {0, 0, 1};
        return a;
    }
};

TEST_F(PolicyMatch, without_rules_a_container_gets_the_default_of_its_socket)
{
    EXPECT_TRUE(read("").empty());
    EXPECT_EQ(choose_policy(comes(), "/a", {}), "plain");
}

TEST_F(PolicyMatch, what_a_container_selects_goes_before_rules)
{
    const auto rules = read("[[match]]\npolicy = \"build\"\nsource = \"oci.sock\"\n");
    arrival a = comes();
    a.selected = "root";
    EXPECT_EQ(choose_policy(a, "/a", rules), "root");
    a.selected = "other";
    EXPECT_THROW(choose_policy(a, "/a", rules), std::runtime_error);
}

TEST_F(PolicyMatch, the_first_rule_counts_whose_conditions_all_hold)
{
    const auto rules = read(R"(
[[match]]
policy = "root"
uid = [0, 7]
cgroup = "/system.slice/*"
[[match]]
policy = "build"
annotation."org.example/role" = "build*"
[[match]]
policy = "plain"
source = "*"
)");
    arrival a = comes();
    a.annotations = {{"org.example/role", "builder"}, {"other", "x"}};
    EXPECT_EQ(choose_policy(a, "/system.slice/a/b", rules), "root");
    EXPECT_EQ(choose_policy(a, "/user.slice/a", rules), "build");
    a.sender.uid = 1000;
    EXPECT_EQ(choose_policy(a, "/system.slice/a", rules), "build");
    a.annotations["org.example/role"] = "web";
    EXPECT_EQ(choose_policy(a, "/system.slice/a", rules), "plain");
}

TEST_F(PolicyMatch, a_cookie_is_compared_as_a_whole)
{
    const auto rules = read("[[match]]\npolicy = \"build\"\ncookie = \"name=ci-*\"\n");
    arrival a = comes();
    EXPECT_EQ(choose_policy(a, "/a", rules), "plain");
    a.cookie = "name=ci-7";
    EXPECT_EQ(choose_policy(a, "/a", rules), "build");
    a.cookie = "not name=ci-7";
    EXPECT_EQ(choose_policy(a, "/a", rules), "plain");
}

TEST_F(PolicyMatch, a_rule_counts_only_where_the_socket_allows_its_policy)
{
    const auto rules = read("[[match]]\npolicy = \"root\"\ncgroup = \"*\"\n");
    arrival a = comes();
    a.policies = {"plain"};
    EXPECT_EQ(choose_policy(a, "/a", rules), "plain");
    a.default_policy = "";
    EXPECT_THROW(choose_policy(a, "/a", rules), std::runtime_error);
}

TEST_F(PolicyMatch, a_pattern_is_no_regular_expression_and_matches_slashes)
{
    const auto rules = read("[[match]]\npolicy = \"build\"\ncgroup = \"/a.b/*/[cd]\"\n");
    EXPECT_EQ(choose_policy(comes(), "/a.b/x/y/c", rules), "build");
    EXPECT_EQ(choose_policy(comes(), "/aXb/x/c", rules), "plain");
    EXPECT_EQ(choose_policy(comes(), "/a.b/x/e", rules), "plain");
}

} // namespace
