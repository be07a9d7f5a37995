// SPDX-License-Identifier: Apache-2.0
// Plugins that throw, answer nonsense or never answer: the caller gets the fail policy's errno, and the host
// serves on. A handler cannot reply twice: its one answer is what it returns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

outcome run_with(const std::string &plugin, const command &calls)
{
    return run(plain_container({"--plugin", DEPUTY_TEST_PLUGINS_DIR "/" + plugin + ".so", "--enable", plugin},
                               command{client("plain_calls")} + calls));
}

TEST(misbehaving_plugins, that_throw_fail_the_call)
{
    const outcome o = run_with("throws", {"getppid", "getpgrp", "uname", "sysinfo", "getppid"});
    EXPECT_EQ(o.out, "getppid EPERM\ngetpgrp EPERM\nuname EPERM\nsysinfo EPERM\ngetppid EPERM\n") << o.err;
    EXPECT_THAT(o.err, HasSubstr("thrown on purpose"));
    EXPECT_THAT(o.err, testing::Not(HasSubstr("\x1b"))) << "a control character reached the log";
}

TEST(misbehaving_plugins, that_answer_nonsense_fail_the_call)
{
    const outcome o =
        run_with("nonsense", {"getppid", "getpgrp", "uname", "sysinfo", "getuid", "getgid", "getppid"});
    EXPECT_EQ(o.out, "getppid EPERM\ngetpgrp EPERM\nuname EPERM\nsysinfo EPERM\ngetuid EPERM\ngetgid EPERM\n"
                     "getppid EPERM\n")
        << o.err;
}

TEST(misbehaving_plugins, that_sleep_past_the_deadline_fail_the_call)
{
    const outcome o = run_with("sleeps", {"getppid", "uname"});
    EXPECT_EQ(o.out, "getppid EPERM\nuname EXDEV\n") << o.err;
}

TEST(misbehaving_plugins, that_sleep_do_not_keep_other_callers_waiting)
{
    const outcome o = run(
        plain_container({"--plugin", DEPUTY_TEST_PLUGINS_DIR "/sleeps.so", "--enable", "sleeps"},
                        {"/bin/sh", "-c",
                         "/run/clients/plain_calls getppid & i=0; "
                         "while [ $i -lt 5 ]; do /run/clients/plain_calls uname; i=$((i + 1)); done; wait"}));
    EXPECT_EQ(o.out, "uname EXDEV\nuname EXDEV\nuname EXDEV\nuname EXDEV\nuname EXDEV\ngetppid EPERM\n")
        << o.err;
}

} // namespace
} // namespace deputyd::test
