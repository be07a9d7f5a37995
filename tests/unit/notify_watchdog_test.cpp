// SPDX-License-Identifier: Apache-2.0
// Handlers that are slow or hang cost their own call, and no other.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "caller/caller_table.hpp"
#include "notify/effect.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::host;

/// Forks from the child, under the same filter and listener.
pid_t fork_caller(std::uint64_t command)
{
    const pid_t pid = ::fork();
    if (pid == 0) {
        const long r = call(command);
        ::_exit(static_cast<int>(r < 0 ? -r : r));
    }
    return pid;
}
int status_of(pid_t pid)
{
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST(notify_watchdog, other_tasks_of_the_container_are_served_while_a_handler_sleeps)
{
    std::atomic<bool> second_came{false};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return second_came.load(); });
        return reply(a, 1);
    });
    plugin.on(2, [&](auto *, const auto &, auto &a) {
        second_came = true;
        return reply(a, 2);
    });
    supervised child([] {
        const pid_t slow = fork_caller(1);
        ::usleep(20000);
        const int second = static_cast<int>(call(2));
        return second * 10 + status_of(slow);
    });
    host h({.deadlines = false});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 21);
}

TEST(notify_watchdog, a_follower_comes_also_after_a_time_without_calls)
{
    std::atomic<bool> second_came{false};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return second_came.exchange(false); });
        return reply(a, 1);
    });
    plugin.on(2, [&](auto *, const auto &, auto &a) {
        second_came = true;
        return reply(a, 2);
    });
    supervised child([] {
        int sum = 0;
        for (int i = 0; i < 3; ++i) {
            ::usleep(60000);
            const pid_t slow = fork_caller(1);
            ::usleep(5000);
            sum += static_cast<int>(call(2)) + status_of(slow);
        }
        return sum;
    });
    host h({.deadlines = false, .slow = 1ms});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 9);
}

TEST(notify_watchdog, a_missed_deadline_is_answered_and_the_late_effect_undone)
{
    std::string undone;
    functional_plugin plugin;
    plugin.on_undo([&](const auto &, auto token) { undone = token; });
    plugin.on(1, [](auto *c, const auto &s, auto &a) {
        EXPECT_EQ(deputyd::effect_table.commit(c, "late", 4), 0);
        char byte = 0;
        wait_until([&] { return deputyd::caller_table.read(c, s.args[1], &byte, 1) == -ECANCELED; });
        std::int32_t fd = -1;
        deputy_identity id{};
        id.struct_size = sizeof id;
        EXPECT_EQ(deputyd::effect_table.commit(c, "more", 4), -ECANCELED);
        EXPECT_EQ(deputyd::caller_table.write(c, s.args[1], &byte, 1), -ECANCELED);
        EXPECT_EQ(deputyd::descriptor_table.get(c, 0, &fd), -ECANCELED);
        EXPECT_EQ(deputyd::caller_table.identity(c, &id), -ECANCELED);
        EXPECT_EQ(deputyd::path_table.resolve(c, AT_FDCWD, "/", 0, &fd), -ECANCELED);
        return reply(a, 3);
    });
    plugin.on(2, [](auto *, const auto &, auto &a) { return reply(a, 2); });
    static const char byte = 0;
    supervised child([] {
        const int first = static_cast<int>(-call(1, address(&byte)));
        return first * 10 + static_cast<int>(call(2));
    });
    {
        host h({.deadline = 500ms});
        h.serve(container(1), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), EPERM * 10 + 2);
        EXPECT_TRUE(h.wait_gone(1, 60s));
    }
    EXPECT_EQ(undone, "late");
}

TEST(notify_watchdog, a_descriptor_that_comes_too_late_is_closed)
{
    const auto before = open_descriptors();
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &, auto &a) {
        std::int32_t none = -1;
        wait_until([&] { return deputyd::descriptor_table.get(c, -1, &none) == -ECANCELED; });
        a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
        return DEPUTY_REPLY_FD;
    });
    {
        supervised child([] { return static_cast<int>(-call(1)); });
        host h({.deadline = 10ms});
        h.serve(container(1), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), EPERM);
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST(notify_watchdog, without_deadlines_a_handler_may_take_its_time)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) {
        std::this_thread::sleep_for(60ms);
        return reply(a, 4);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({.deadline = 5ms, .deadlines = false});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 4);
}

TEST(notify_watchdog, at_its_limit_of_hung_calls_only_that_container_is_refused)
{
    std::atomic<bool> release{false};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return release.load(); });
        return reply(a, 1);
    });
    plugin.on(2, [&](auto *, const auto &, auto &a) { return reply(a, 2); });
    plugin.on(3, [&](auto *, const auto &, auto &a) {
        release = true;
        return reply(a, 3);
    });
    int full_now[2];
    ASSERT_EQ(::pipe(full_now), 0);
    supervised full([&] {
        const pid_t hung[] = {fork_caller(1), fork_caller(1)};
        while (call(2) != -EPERM) {
            ::usleep(1000);
        }
        [[maybe_unused]] const auto n = ::write(full_now[1], "", 1);
        int sum = status_of(hung[0]) + status_of(hung[1]);
        long r = 0;
        while ((r = call(2)) == -EPERM) {
            ::usleep(1000);
        }
        return sum * 10 + static_cast<int>(r);
    });
    supervised other([] { return static_cast<int>(call(2)) * 10 + static_cast<int>(call(3)); });
    host h({.deadlines = false, .hung_limit = 2});
    h.serve(container(1), plugin.table(), full.take_listener());
    h.serve(container(2), plugin.table(), other.take_listener());
    full.go();
    char byte = 0;
    ASSERT_EQ(::read(full_now[0], &byte, 1), 1);
    EXPECT_EQ(other.run(), 23);
    EXPECT_EQ(full.wait(), 22);
    ::close(full_now[0]);
    ::close(full_now[1]);
}

TEST(notify_watchdog, stop_lets_a_handler_answer_before_its_deadline)
{
    std::atomic<bool> began{false};
    std::atomic<bool> stopping{false};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        began = true;
        wait_until([&] { return stopping.load(); });
        std::this_thread::sleep_for(20ms);
        return reply(a, 6);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({.deadline = 60s});
    h.serve(container(1), plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return began.load(); });
    stopping = true;
    h.stop();
    EXPECT_EQ(h.left_behind(), 0U);
    EXPECT_EQ(child.wait(), 6);
}

TEST(notify_watchdog, stop_does_not_wait_for_a_handler_that_hangs)
{
    // The thread outlives the test's scope.
    static std::atomic<bool> release{false};
    static std::atomic<bool> undone{false};
    static std::atomic<bool> began{false};
    auto &plugin = *new functional_plugin;
    static std::vector<functional_plugin *> kept; // for the leak checker
    kept.push_back(&plugin);
    release = undone = began = false;
    plugin.on_undo([](const auto &, auto) { undone = true; });
    plugin.on(1, [](auto *c, const auto &, auto &a) {
        deputyd::effect_table.commit(c, "effect", 6);
        began = true;
        wait_until([] { return release.load(); });
        return reply(a, 1);
    });
    supervised child([] { return static_cast<int>(-call(1)); });
    {
        host h({.deadline = 30ms, .deadlines = false});
        h.serve(container(1), plugin.table(), child.take_listener());
        child.go();
        wait_until([] { return began.load(); });
        EXPECT_FALSE(h.wait_gone(1, 1ms));
        h.stop();
        EXPECT_EQ(h.left_behind(), 1U);
    }
    EXPECT_EQ(child.wait(), EPERM);
    release = true;
    wait_until([] { return undone.load(); });
}

} // namespace
