// SPDX-License-Identifier: Apache-2.0
// Plugins that throw, answer nonsense or never answer: the caller gets the fail policy's errno, and the host
// serves on.
#include <csignal>
#include <cstdlib>

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

TEST(misbehaving_plugins, that_continue_without_leave_fail_the_call)
{
    const outcome o = run_with("continues", {"getppid"});
    EXPECT_EQ(o.out, "getppid EPERM\n");
    EXPECT_THAT(o.err, HasSubstr("plugin continues is misbehaving"));
    EXPECT_THAT(o.err, HasSubstr("continued a call without the capability to"));
}

TEST(misbehaving_plugins, that_leak_descriptors_are_served_as_long_as_there_are_any)
{
    EXPECT_EQ(run_with("leaks", {"getppid", "getppid"}).out, "getppid 0\ngetppid 0\n");
}

TEST(misbehaving_plugins, that_answer_twice_are_heard_once)
{
    const outcome o = run_with("replies_twice", {"getppid", "getppid"});
    EXPECT_EQ(o.out, "getppid 1\ngetppid 1\n") << o.err;
    EXPECT_THAT(o.err, HasSubstr("the second answer: " + std::to_string(ENOENT)));
}

// Nobody but the caller is kept waiting, and it can be killed.
TEST(misbehaving_plugins, that_never_answer_keep_the_caller_waiting_alone)
{
    const outcome o = run(plain_container(
        {"--plugin", DEPUTY_TEST_PLUGINS_DIR "/never_replies.so", "--enable", "never_replies"},
        {"/bin/sh", "-c",
         "wait_in_sysinfo() { until read nr rest </proc/$1/syscall && [ \"$nr\" = 99 ]; do :; done; }; "
         "/run/clients/plain_calls sysinfo & one=$!; /run/clients/plain_calls sysinfo & two=$!; "
         "wait_in_sysinfo $one; wait_in_sysinfo $two; /run/clients/plain_calls getuid; "
         "kill -9 $one; wait $one; echo killed $?"}));
    EXPECT_EQ(o.out, "getuid 0\nkilled 137\n") << o.err;
    EXPECT_EQ(o.status, 0) << "the other one ends with the container";
    EXPECT_THAT(o.err, HasSubstr("a caller has gone without an answer"));
}

TEST(misbehaving_plugins, that_make_a_counter_in_a_handler_are_refused)
{
    EXPECT_EQ(run_with("wrong_thread", {"getppid"}).out, "getppid EBUSY\n");
}

// A plugin is a part of the host: what ends it ends the host, and with it the container.
TEST(misbehaving_plugins, that_exit_or_crash_end_the_host)
{
    const outcome exits = run_with("exits", {"getppid"}), crashes = run_with("crashes", {"getppid"});
    EXPECT_EQ(exits.status, 7) << exits.err;
    EXPECT_EQ(crashes.status, 128 + SIGSEGV) << crashes.err;
    EXPECT_EQ(exits.out + crashes.out, "");
}

TEST(misbehaving_plugins, that_throw_through_c_before_calls_start_nothing)
{
    for (const char *callback : {"query", "create", "register_handlers", "ready", "container_added"}) {
        ::setenv("DEPUTY_TEST_CALLBACK", callback, 1);
        const outcome o = run_with("throws_everywhere", {"getppid"});
        EXPECT_EQ(o.status, 125) << callback;
        EXPECT_EQ(o.out, "") << callback;
        EXPECT_THAT(o.err, HasSubstr("plugin throws_everywhere: ")) << callback;
        EXPECT_THAT(o.err, HasSubstr("threw out of the callback: thrown on purpose")) << callback;
    }
    ::unsetenv("DEPUTY_TEST_CALLBACK");
}

TEST(misbehaving_plugins, that_throw_through_c_later_end_the_host)
{
    for (const char *callback : {"handle", "container_gone", "drain", "destroy"}) {
        ::setenv("DEPUTY_TEST_CALLBACK", callback, 1);
        const outcome o = run_with("throws_everywhere", {"getppid"});
        EXPECT_EQ(o.status, 128 + SIGABRT) << callback;
        EXPECT_THAT(o.err, HasSubstr("thrown on purpose")) << callback;
    }
    ::unsetenv("DEPUTY_TEST_CALLBACK");
}

TEST(misbehaving_plugins, whose_schema_is_none_are_not_enabled)
{
    const outcome o = run_with("bad_schema", {"getppid"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("the settings schema of plugin bad_schema is not JSON"));
}

} // namespace
} // namespace deputyd::test
