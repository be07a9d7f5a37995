// SPDX-License-Identifier: Apache-2.0
// The seccomp filter of a run, seen from inside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

const std::vector<std::string> with_no_op = {"--plugin", DEPUTY_TEST_PLUGINS_DIR "/no_op.so", "--enable",
                                             "no_op"};
const std::string client = DEPUTY_BIN_DIR "/clients/seccomp_client";

/// The client lies in the build tree, which may be below /tmp, where a run has its own.
outcome inside(const std::string &what, std::vector<std::string> options)
{
    options.insert(options.end(), {"--bind", client + ":/run/client:ro"});
    return deputy_run({"/run/client", what}, options);
}

TEST(run_filter, is_not_there_while_nothing_is_enabled)
{
    EXPECT_THAT(deputy_run({"grep", "Seccomp:", "/proc/self/status"}).out, HasSubstr("Seccomp:\t0"));
    EXPECT_EQ(inside("getppid", {"--plugin", DEPUTY_TEST_PLUGINS_DIR "/no_op.so"}).out, "0\n");
    EXPECT_THAT(deputy_run({"grep", "Seccomp:", "/proc/self/status"}, with_no_op).out,
                HasSubstr("Seccomp:\t2"));
}

TEST(run_filter, follows_the_last_flag_of_the_command_line)
{
    const auto filter = [](const std::string &first, const std::string &second) {
        return deputy_run({"grep", "Seccomp:", "/proc/self/status"},
                          {"--plugin", DEPUTY_TEST_PLUGINS_DIR "/no_op.so", first, "no_op", second, "no_op"})
            .out;
    };
    EXPECT_THAT(filter("--disable", "--enable"), HasSubstr("Seccomp:\t2"));
    EXPECT_THAT(filter("--enable", "--disable"), HasSubstr("Seccomp:\t0"));
}

TEST(run_filter, notifies_what_is_enabled)
{
    // As the child of a shell getppid() is not 0, but the plugin says that it is.
    std::vector<std::string> options = {"--bind", client + ":/run/client:ro"};
    const std::vector<std::string> command = {"sh", "-c", "/run/client getppid; :"};
    EXPECT_EQ(deputy_run(command, options).out, "1\n");
    options.insert(options.end(), with_no_op.begin(), with_no_op.end());
    EXPECT_EQ(deputy_run(command, options).out, "0\n");
}

TEST(run_filter, refuses_listeners_of_the_container)
{
    EXPECT_EQ(inside("listener", with_no_op).out, "Device or resource busy\n");
    EXPECT_EQ(inside("listener-upper-half", with_no_op).out, "Device or resource busy\n");
    EXPECT_EQ(inside("filter", with_no_op).out, "Success\n");
    EXPECT_EQ(inside("listener", {}).out, "Success\n");
}

TEST(run_filter, refuses_x32)
{
    EXPECT_EQ(inside("x32", with_no_op).out, "Function not implemented\n");
}

} // namespace
} // namespace deputyd::test
