// SPDX-License-Identifier: Apache-2.0
#include "intake/oci_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace
{

using deputyd::oci_progress;
using deputyd::parse_oci_state;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view runc =
    R"({"ociVersion":"1.0.2-dev","fds":["seccompFd"],"pid":4211,"metadata":"policy=nested name=web",)"
    R"("state":{"ociVersion":"1.0.2-dev","id":"web-1","status":"creating","pid":4211,"bundle":"/run/web",)"
    R"("annotations":{"deputy.policy":"build","other":"x"}}})";

constexpr std::string_view crun_exec = R"({
    "ociVersion": "0.2.0",
    "fds": [
        "seccompFd"
    ],
    "pid": 0,
    "state": {
        "ociVersion": "0.2.0",
        "id": "web-1",
        "status": "running",
        "pid": 0,
        "bundle": "."
    }
}
)";

TEST(OciState, is_read_as_runc_sends_it)
{
    const auto p = parse_oci_state(runc);
    ASSERT_EQ(p.progress, oci_progress::complete);
    EXPECT_EQ(p.state.id, "web-1");
    EXPECT_EQ(p.state.bundle, "/run/web");
    EXPECT_EQ(p.state.status, "creating");
    EXPECT_EQ(p.state.pid, 4211);
    EXPECT_EQ(p.state.metadata, "policy=nested name=web");
    EXPECT_THAT(p.state.fds, ElementsAre("seccompFd"));
    EXPECT_THAT(p.state.annotations, ElementsAre(Pair("deputy.policy", "build"), Pair("other", "x")));
}

TEST(OciState, is_read_as_crun_sends_it_for_an_exec)
{
    const auto p = parse_oci_state(crun_exec);
    ASSERT_EQ(p.progress, oci_progress::complete);
    EXPECT_EQ(p.state.id, "web-1");
    EXPECT_EQ(p.state.bundle, ".");
    EXPECT_EQ(p.state.metadata, "");
    EXPECT_EQ(p.state.pid, 0);
}

TEST(OciState, is_incomplete_at_every_cut)
{
    for (const auto text : {runc, crun_exec.substr(0, crun_exec.size() - 1)}) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            EXPECT_EQ(parse_oci_state(text.substr(0, size)).progress, oci_progress::incomplete)
                << text.substr(0, size);
        }
    }
}

TEST(OciState, that_can_no_longer_become_json_is_wrong)
{
    for (const char *text :
         {"x", "}", "{]", R"({"a":1,,})", R"({"a" "b"})", "nul1", R"({"fds":[}])", "\x01", R"({"a":"\q"})"}) {
        EXPECT_EQ(parse_oci_state(text).progress, oci_progress::wrong) << text;
    }
    EXPECT_THAT(parse_oci_state("{]").reason, HasSubstr("not JSON at byte 2"));
}

TEST(OciState, with_a_number_that_is_too_large_is_wrong)
{
    EXPECT_THAT(parse_oci_state(R"({"pid":1E444})").reason, HasSubstr("number overflow"));
}

TEST(OciState, followed_by_another_is_wrong)
{
    EXPECT_EQ(parse_oci_state(std::string(runc) + std::string(runc)).progress, oci_progress::wrong);
}

TEST(OciState, needs_an_id_and_names_of_descriptors)
{
    EXPECT_THAT(parse_oci_state("[1]").reason, HasSubstr("not a JSON object"));
    EXPECT_THAT(parse_oci_state("{}").reason, HasSubstr("no state object"));
    EXPECT_THAT(parse_oci_state(R"({"state":[]})").reason, HasSubstr("no state object"));
    EXPECT_THAT(parse_oci_state(R"({"state":{"id":7},"fds":["seccompFd"]})").reason, HasSubstr("no id"));
    EXPECT_THAT(parse_oci_state(R"({"state":{"id":"a"}})").reason,
                HasSubstr("does not name its descriptors"));
}

TEST(OciState, skips_what_it_does_not_know)
{
    const auto p = parse_oci_state(
        R"({"new":{"deep":[1,2,{"x":null}]},"fds":["seccompFd"],"state":{"id":"a","created":"now","annotations":{"n":1}}})");
    ASSERT_EQ(p.progress, oci_progress::complete) << p.reason;
    EXPECT_TRUE(p.state.annotations.empty());
}

TEST(OciState, may_have_a_megabyte_of_annotations)
{
    const std::string long_note(1 << 20, 'x');
    const auto p = parse_oci_state(R"({"fds":["seccompFd"],"state":{"id":"a","annotations":{"n":")" +
                                   long_note + R"("}}})");
    ASSERT_EQ(p.progress, oci_progress::complete);
    EXPECT_EQ(p.state.annotations.at("n"), long_note);
}

TEST(OciState, survives_deep_nesting)
{
    EXPECT_EQ(parse_oci_state(std::string(100'000, '[')).progress, oci_progress::incomplete);
    EXPECT_EQ(parse_oci_state(std::string(100'000, '[') + std::string(100'000, ']')).progress,
              oci_progress::wrong);
}

TEST(OciState, takes_no_pid_that_is_none)
{
    for (const char *pid : {"-1", "99999999", "1.5", "\"7\"", "null", "18446744073709551615"}) {
        const auto p =
            parse_oci_state(std::string(R"({"fds":["seccompFd"],"state":{"id":"a","pid":)") + pid + "}}");
        ASSERT_EQ(p.progress, oci_progress::complete);
        EXPECT_EQ(p.state.pid, 0) << pid;
    }
}

TEST(OciState, finds_the_listener_among_several_descriptors)
{
    const auto p = parse_oci_state(R"({"fds":["pidfd","seccompFd"],"state":{"id":"a"}})");
    std::size_t index = 99;
    EXPECT_TRUE(p.state.listener_index(2, index));
    EXPECT_EQ(index, 1u);
    EXPECT_FALSE(p.state.listener_index(1, index)); // named, but it did not come
    EXPECT_FALSE(parse_oci_state(R"({"fds":["pidfd"],"state":{"id":"a"}})").state.listener_index(1, index));
    EXPECT_FALSE(parse_oci_state(R"({"fds":[7],"state":{"id":"a"}})").state.listener_index(1, index));
}

TEST(OciState, names_a_policy_in_metadata_or_else_in_an_annotation)
{
    EXPECT_EQ(parse_oci_state(runc).state.policy(), "nested");
    EXPECT_EQ(
        parse_oci_state(
            R"({"fds":["seccompFd"],"metadata":"name=x","state":{"id":"a","annotations":{"deputy.policy":"build"}}})")
            .state.policy(),
        "build");
    EXPECT_EQ(parse_oci_state(crun_exec).state.policy(), "");
}

TEST(Words, are_separated_by_blanks_and_commas)
{
    EXPECT_EQ(deputyd::policy_word("policy=nested"), "nested");
    EXPECT_EQ(deputyd::policy_word("name=web, policy=nested"), "nested");
    EXPECT_EQ(deputyd::name_word("policy=nested name=web"), "web");
    EXPECT_EQ(deputyd::policy_word("xpolicy=nested"), "");
    EXPECT_EQ(deputyd::policy_word("policy="), "");
    EXPECT_EQ(deputyd::policy_word(""), "");
}

} // namespace
