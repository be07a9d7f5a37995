// SPDX-License-Identifier: Apache-2.0
// What a handler decides reaches the caller, and only what it may decide.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "notify/effect.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using deputyd::host;

/// Serves one child and returns what its call returned there, 0 to 255, by its exit status.
int serve(functional_plugin &plugin, const std::function<int()> &body, bool wait_killable = true)
{
    supervised child(body, wait_killable);
    host h({});
    h.serve(container(1, wait_killable), plugin.table(), child.take_listener());
    return child.run();
}

int failure_of(const functional_plugin::handle &handle, std::uint32_t capabilities = 0)
{
    functional_plugin plugin(capabilities);
    plugin.on(1, handle);
    return serve(plugin, [] { return static_cast<int>(-call(1)); });
}

TEST(notify_reply, a_value_is_returned)
{
    functional_plugin plugin;
    plugin.on(
        1, [](auto *, const auto &s, auto &a) { return reply(a, static_cast<std::int64_t>(s.args[1]) + 1); });
    EXPECT_EQ(serve(plugin, [] { return static_cast<int>(call(1, 41)); }), 42);
}

TEST(notify_reply, an_error_becomes_errno)
{
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return fail(a, ENOTTY); }), ENOTTY);
}

TEST(notify_reply, a_call_without_handler_gets_eperm)
{
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &) { return DEPUTY_PASS; }), EPERM);
    functional_plugin other;
    other.on(7, [](auto *, const auto &, auto &a) { return reply(a, 0); });
    EXPECT_EQ(serve(other, [] { return static_cast<int>(-call(1)); }), EPERM);
}

TEST(notify_reply, a_passed_call_goes_to_the_next_handler)
{
    functional_plugin plugin;
    int asked = 0;
    const auto second_time = [&](auto *, const auto &, auto &a) {
        return ++asked == 1 ? DEPUTY_PASS : reply(a, 5);
    };
    plugin.on(1, second_time).on(1, second_time);
    EXPECT_EQ(serve(plugin, [] { return static_cast<int>(call(1)); }), 5);
    EXPECT_EQ(asked, 2);
}

TEST(notify_reply, what_a_handler_may_not_decide_becomes_eperm)
{
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &) { return 99; }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &) { return -EIO; }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return fail(a, -5); }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return fail(a, 4096); }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return fail(a, 512); }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return fail(a, 531); }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return reply(a, -512); }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return a.fd = -1, DEPUTY_REPLY_FD; }), EPERM);
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) { return a.fd = 9999, DEPUTY_REPLY_FD; }), EPERM);
}

TEST(notify_reply, an_o_path_descriptor_becomes_eperm_and_is_closed)
{
    const auto before = open_descriptors();
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) {
                  a.fd = ::open("/", O_PATH | O_CLOEXEC);
                  return DEPUTY_REPLY_FD;
              }),
              EPERM);
    EXPECT_EQ(open_descriptors(), before);
}

TEST(notify_reply, a_descriptor_with_other_flags_becomes_eperm)
{
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) {
                  a.fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
                  a.fd_flags = O_CLOEXEC | O_NONBLOCK;
                  return DEPUTY_REPLY_FD;
              }),
              EPERM);
}

TEST(notify_reply, a_call_is_continued_only_with_the_capability)
{
    const auto proceed = [](auto *, const auto &, auto &) { return DEPUTY_CONTINUE; };
    EXPECT_EQ(failure_of(proceed), EPERM);
    // The kernel's own answer to a command that does not exist.
    const int native = static_cast<int>(-call(1));
    EXPECT_NE(native, EPERM);
    EXPECT_EQ(failure_of(proceed, DEPUTY_CAP_CONTINUE), native);
}

/// The child checks that what it got is /dev/zero, with the flags asked for.
int check_zero(std::uint64_t cloexec)
{
    const long fd = call(1, cloexec);
    char byte = 1;
    if (fd < 0 || ::read(static_cast<int>(fd), &byte, 1) != 1 || byte != 0) {
        return 1;
    }
    return ::fcntl(static_cast<int>(fd), F_GETFD) == (cloexec != 0 ? FD_CLOEXEC : 0) ? 0 : 2;
}

TEST(notify_reply, a_descriptor_arrives_in_both_ways_and_none_stays_in_the_host)
{
    const auto before = open_descriptors();
    for (const bool wait_killable : {true, false}) {
        functional_plugin plugin;
        plugin.on(1, [](auto *, const auto &s, auto &a) {
            a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
            a.fd_flags = s.args[1] != 0 ? O_CLOEXEC : 0;
            return DEPUTY_REPLY_FD;
        });
        EXPECT_EQ(serve(
                      plugin, [] { return check_zero(O_CLOEXEC) + 4 * check_zero(0); }, wait_killable),
                  0);
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST(notify_reply, a_caller_without_room_for_a_descriptor_gets_emfile_and_the_effect_is_undone)
{
    for (const bool wait_killable : {true, false}) {
        functional_plugin plugin;
        std::string undone;
        plugin.on_undo([&](const auto &, auto token) { undone = token; });
        plugin.on(1, [](auto *c, const auto &, auto &a) {
            deputyd::effect_table.commit(c, "made", 4);
            a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
            return DEPUTY_REPLY_FD;
        });
        const auto body = [] {
            const rlimit none{0, 0};
            ::setrlimit(RLIMIT_NOFILE, &none);
            return static_cast<int>(-call(1));
        };
        EXPECT_EQ(serve(plugin, body, wait_killable), EMFILE);
        EXPECT_EQ(undone, "made");
    }
}

TEST(notify_reply, a_descriptor_of_a_verdict_that_takes_none_is_closed)
{
    const auto before = open_descriptors();
    EXPECT_EQ(failure_of([](auto *, const auto &, auto &a) {
                  a.fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
                  return fail(a, EBUSY);
              }),
              EBUSY);
    EXPECT_EQ(open_descriptors(), before);
}

TEST(notify_reply, a_handler_that_fails_after_a_commit_is_undone)
{
    functional_plugin plugin;
    std::string undone;
    plugin.on_undo([&](const auto &, auto token) { undone = token; });
    plugin.on(1, [](auto *c, const auto &, auto &) {
        deputyd::effect_table.commit(c, "half", 4);
        return -EIO;
    });
    EXPECT_EQ(serve(plugin, [] { return static_cast<int>(-call(1)); }), EPERM);
    EXPECT_EQ(undone, "half");
}

TEST(notify_reply, an_answer_that_arrives_is_not_undone)
{
    functional_plugin plugin;
    bool undone = false;
    plugin.on_undo([&](const auto &, auto) { undone = true; });
    plugin.on(1, [](auto *c, const auto &, auto &a) {
        deputyd::effect_table.commit(c, "made", 4);
        return reply(a, 3);
    });
    EXPECT_EQ(serve(plugin, [] { return static_cast<int>(call(1)); }), 3);
    EXPECT_FALSE(undone);
}

TEST(notify_reply, commit_checks_its_arguments)
{
    functional_plugin plugin;
    plugin.on(
        1, [](auto *c, const auto &, auto &a) { return reply(a, -deputyd::effect_table.commit(c, "x", 1)); });
    EXPECT_EQ(serve(plugin, [] { return static_cast<int>(call(1)); }), ENOTSUP);

    functional_plugin with_undo;
    with_undo.on_undo([](const auto &, auto) {});
    with_undo.on(1, [](auto *c, const auto &, auto &a) {
        char big[DEPUTY_TOKEN_SIZE + 1] = {};
        return reply(a, -deputyd::effect_table.commit(c, big, sizeof big));
    });
    EXPECT_EQ(serve(with_undo, [] { return static_cast<int>(call(1)); }), EINVAL);
}

} // namespace
