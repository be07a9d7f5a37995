// SPDX-License-Identifier: Apache-2.0
// What "deputy run" exits with, and what passes through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

TEST(run_status, of_the_command_passes_through)
{
    EXPECT_EQ(deputy_run({"true"}).status, 0);
    EXPECT_EQ(deputy_run({"sh", "-c", "exit 3"}).status, 3);
}

TEST(run_status, of_a_command_that_a_signal_ended_is_128_plus_its_number)
{
    EXPECT_EQ(deputy_run({"sh", "-c", "sh -c 'kill -TERM $$'"}).status, 128 + SIGTERM);
}

TEST(run_status, of_a_missing_command_is_127)
{
    const outcome o = deputy_run({"/no/such/command"});
    EXPECT_EQ(o.status, 127);
    EXPECT_THAT(o.err, HasSubstr("/no/such/command: No such file or directory"));
    EXPECT_EQ(deputy_run({"no-such-command-in-path"}).status, 127);
}

TEST(run_status, of_a_command_that_is_not_executable_is_126)
{
    const outcome o = deputy_run({"/etc/passwd"});
    EXPECT_EQ(o.status, 126);
    EXPECT_THAT(o.err, HasSubstr("/etc/passwd: Permission denied"));
}

TEST(run_status, of_deputys_own_errors_is_125)
{
    EXPECT_EQ(run({deputy_binary, "run"}).status, 125);
    EXPECT_EQ(run({deputy_binary, "run", "--no-such-option", "--", "true"}).status, 125);
    EXPECT_EQ(run({deputy_binary, "run", "--net", "bridge", "--", "true"}).status, 125);
    EXPECT_EQ(run({deputy_binary}).status, 125);
}

TEST(run_status, of_version_and_help_is_0)
{
    const outcome version = run({deputy_binary, "--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.out, testing::MatchesRegex("deputy [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    const outcome help = run({deputy_binary, "run", "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, HasSubstr("--enable"));
}

TEST(run_streams, pass_through)
{
    const outcome o =
        run({deputy_binary, "run", "--", "sh", "-c", "cat; echo wrong >&2"}, {.stdin_text = "text\n"});
    EXPECT_EQ(o.status, 0);
    EXPECT_EQ(o.out, "text\n");
    EXPECT_EQ(o.err, "wrong\n");
}

TEST(run_arguments, reach_the_command_as_they_are)
{
    const outcome o = deputy_run({"printf", "%s|", "--enable", "a b", "--", ""});
    EXPECT_EQ(o.out, "--enable|a b|--||");
}

TEST(run_errors, say_that_it_takes_root)
{
    const outcome o = run(
        {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", deputy_binary, "run", "--", "true"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("run it as root"));
}

TEST(run_errors, name_the_plugin_that_is_nearest_to_an_unknown_one)
{
    const outcome o = run({deputy_binary, "run", "--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable",
                           "bpf_cgroup_devise", "--", "true"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("bpf_cgroup_devise"));
    EXPECT_THAT(o.err, HasSubstr("did you mean bpf_cgroup_device?"));
}

TEST(run_errors, name_a_wrong_bind)
{
    EXPECT_THAT(deputy_run({"true"}, {"--bind", "/etc"}).err, HasSubstr("--bind /etc: has no DST"));
    EXPECT_THAT(deputy_run({"true"}, {"--bind", "/nowhere:/tmp/x"}).err, HasSubstr("/nowhere"));
    EXPECT_THAT(deputy_run({"true"}, {"--bind", "/etc:/new-directory"}).err, HasSubstr("/new-directory"));
}

TEST(run_errors, name_a_missing_rootfs)
{
    const outcome o = deputy_run({"true"}, {"--rootfs", "/no/such/directory"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("--rootfs /no/such/directory: No such file or directory"));
}

} // namespace
} // namespace deputyd::test
