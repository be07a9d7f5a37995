// SPDX-License-Identifier: Apache-2.0
// What a policy says of calls: handlers that are off or observed, errnos, deadlines, limits.
#include <gtest/gtest.h>

#include "caller/denied_calls.hpp"
#include "notify/describe.hpp"
#include "notify/effect.hpp"
#include "notify/host.hpp"
#include "notify/limits.hpp"
#include "notify/listener.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::call_numbers;
using deputyd::ending;
using deputyd::host;
using deputyd::ruled_handler;

class notify_rules : public testing::Test
{
protected:
    /// Serves the child by those rules and lets it run. @return its exit status.
    int serve(supervised &child, std::shared_ptr<const deputyd::handler_table> table,
              host::settings s = {.deadlines = false})
    {
        host h(s);
        h.serve(container(1), std::move(table), std::make_unique<deputyd::listener>(child.take_listener()),
                {});
        const int status = child.run();
        h.stop();
        for (const auto &[by, numbers] : h.numbers().of_gone) {
            counted += numbers;
        }
        for (const auto &c : h.numbers().containers) {
            for (const auto &[by, numbers] : c.calls) {
                counted += numbers;
            }
        }
        return status;
    }
    std::uint64_t count(ending how) const { return counted.by_ending[static_cast<std::size_t>(how)]; }

    call_numbers counted;
};

bool is_for(const ruled_handler &h, std::uint64_t command)
{
    return h.is->predicates.at(0).value == command;
}

/// What the kernel itself says to the call: the command is none.
long unserved()
{
    return ::syscall(SYS_quotactl, 1, 0, 0, 0) < 0 ? errno : 0;
}

TEST_F(notify_rules, a_handler_that_is_off_leaves_its_calls_to_the_kernel)
{
    const long kernel = unserved();
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    supervised child([] { return static_cast<int>(-call(1)); });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.on = false; })), kernel);
    EXPECT_EQ(count(ending::off), 1U);
    EXPECT_EQ(counted.errors(), 0U);
}

TEST_F(notify_rules, a_handler_that_is_off_answers_with_the_errno_that_it_declares)
{
    functional_plugin plugin;
    plugin.on_off(EDOM).on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    supervised child([] { return static_cast<int>(-call(1)); });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.on = false; })), EDOM);
    EXPECT_EQ(counted.by_errno.at(EDOM), 1U);
}

TEST_F(notify_rules, a_failed_call_gets_the_errno_of_the_policy)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &) { return -EIO; });
    plugin.on(2, [](auto *, const auto &, auto &) { return 77; });
    supervised child([] {
        const long first = call(1), second = call(2);
        return static_cast<int>(first == second ? -first : 99);
    });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.fail_error = EXFULL; })), EXFULL);
    EXPECT_EQ(count(ending::failed), 2U);
}

TEST_F(notify_rules, a_late_call_gets_the_errno_of_the_policy_at_the_deadline_of_its_handler)
{
    std::atomic<bool> go_on{false};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return go_on.load(); });
        return reply(a, 1);
    });
    plugin.on(2, [&](auto *, const auto &, auto &a) {
        go_on = true;
        return reply(a, 2);
    });
    supervised child([] {
        const long late = call(1);
        return call(2) == 2 ? static_cast<int>(-late) : 99;
    });
    const auto rules = [](ruled_handler &h) {
        h.fail_error = EXFULL;
        h.deadline = is_for(h, 1) ? 50ms : 600s;
    };
    EXPECT_EQ(serve(child, plugin.ruled(rules), {.deadline = 600s}), EXFULL);
    EXPECT_EQ(count(ending::late), 1U);
    EXPECT_EQ(counted.by_errno.at(EXFULL), 1U);
}

TEST_F(notify_rules, a_container_has_no_more_calls_in_flight_than_its_policy_allows)
{
    std::atomic<int> inside{0}, refused{0};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        ++inside;
        wait_until([&] { return refused.load() == 1; });
        return reply(a, 1);
    });
    // The third call is made once two are inside, which wait for what becomes of it.
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    supervised child([&] {
        for (int i = 0; i < 2; ++i) {
            if (::fork() == 0) {
                ::_exit(call(1) == 1 ? 0 : 1);
            }
        }
        char go = 0;
        [[maybe_unused]] auto n = ::read(pair[1], &go, 1);
        const auto third = static_cast<char>(-call(1));
        n = ::write(pair[1], &third, 1);
        int bad = 0, status = 0;
        while (::wait(&status) > 0) {
            bad += status == 0 ? 0 : 1;
        }
        return bad;
    });
    std::thread other([&] {
        wait_until([&] { return inside.load() == 2; });
        char error = 0;
        EXPECT_EQ(::write(pair[0], "", 1), 1);
        EXPECT_EQ(::read(pair[0], &error, 1), 1);
        EXPECT_EQ(error, EXFULL);
        refused = 1;
    });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.fail_error = EXFULL; }, {.in_flight = 2})),
              0);
    other.join();
    ::close(pair[0]);
    ::close(pair[1]);
    EXPECT_EQ(count(ending::limited), 1U);
    EXPECT_EQ(count(ending::value), 2U);
    EXPECT_EQ(counted.errors(), 1U);
}

TEST_F(notify_rules, calls_beyond_the_burst_are_refused)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) { return reply(a, 1); });
    supervised child([] {
        int served = 0;
        for (int i = 0; i < 20; ++i) {
            served += call(1) == 1 ? 1 : 0;
        }
        return served;
    });
    // One a second: within this test none comes to be due but on a machine that stands still.
    const int served = serve(child, plugin.ruled([](auto &) {}, {.per_second = 1, .burst = 3}));
    EXPECT_GE(served, 3);
    EXPECT_LT(served, 20);
    EXPECT_EQ(count(ending::limited), 20U - static_cast<unsigned>(served));
    EXPECT_EQ(counted.by_errno.at(EPERM), count(ending::limited));
}

TEST(rate_gate, lets_a_burst_through_and_then_as_many_as_the_rate_says)
{
    deputyd::rate_gate gate;
    const deputyd::call_limits limits{.per_second = 10, .burst = 4};
    const std::chrono::steady_clock::time_point start{1000s};
    const auto passed = [&](std::chrono::milliseconds at, int tries) {
        int n = 0;
        for (int i = 0; i < tries; ++i) {
            n += gate.pass(limits, start + at) ? 1 : 0;
        }
        return n;
    };
    EXPECT_EQ(passed(0ms, 10), 4);
    EXPECT_EQ(passed(99ms, 10), 0);
    EXPECT_EQ(passed(100ms, 10), 1);
    EXPECT_EQ(passed(350ms, 10), 2);
    EXPECT_EQ(passed(100s, 10), 4) << "what is saved has an end";
}

TEST(rate_gate, without_a_rate_lets_all_through)
{
    deputyd::rate_gate gate;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(gate.pass({}, std::chrono::steady_clock::time_point{}));
    }
}

TEST_F(notify_rules, an_observed_handler_commits_nothing_and_its_caller_gets_what_the_kernel_says)
{
    const long kernel = unserved();
    std::atomic<std::int32_t> committed{0};
    std::atomic<int> undone{0};
    functional_plugin plugin;
    plugin.on(1, [&](auto *c, const auto &, auto &a) {
        committed = deputyd::effect_table.commit(c, "x", 1);
        return committed < 0 ? committed.load() : reply(a, 5);
    });
    plugin.on_undo([&](const auto &, auto) { ++undone; });
    supervised child([] { return static_cast<int>(-call(1)); });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.observed = true; })), kernel);
    EXPECT_EQ(committed, -ECANCELED);
    EXPECT_EQ(undone, 0);
    EXPECT_EQ(count(ending::observed), 1U);
    EXPECT_TRUE(counted.by_errno.empty()) << "it would have been done";
}

TEST_F(notify_rules, a_refusal_that_is_only_observed_is_counted_with_its_errno)
{
    functional_plugin plugin;
    plugin.on_off(EDOM).on(1, [](auto *, const auto &, auto &a) {
        a.error = EACCES;
        return DEPUTY_REPLY;
    });
    supervised child([] { return static_cast<int>(-call(1)); });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.observed = true; })), EDOM);
    EXPECT_EQ(count(ending::observed), 1U);
    EXPECT_EQ(counted.by_errno.at(EACCES), 1U);
}

TEST_F(notify_rules, what_an_observed_handler_leaves_to_the_kernel_is_not_taken_for_its_grant)
{
    const long kernel = unserved();
    functional_plugin plugin(DEPUTY_CAP_CONTINUE);
    plugin.on(1, [](auto *, const auto &, auto &) { return DEPUTY_CONTINUE; });
    supervised child([] { return static_cast<int>(-call(1)); });
    EXPECT_EQ(serve(child, plugin.ruled([](ruled_handler &h) { h.observed = true; })), kernel);
    EXPECT_EQ(count(ending::continued), 1U);
    EXPECT_EQ(count(ending::observed), 0U);
}

TEST_F(notify_rules, an_observed_handler_that_fails_or_is_late_costs_its_caller_nothing)
{
    std::atomic<bool> go_on{false};
    functional_plugin plugin;
    plugin.on_off(EDOM);
    plugin.on(1, [](auto *, const auto &, auto &) { return -EIO; });
    plugin.on(2, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return go_on.load(); });
        return reply(a, 1);
    });
    plugin.on(3, [&](auto *, const auto &, auto &a) {
        go_on = true;
        return reply(a, 1);
    });
    supervised child([] {
        const long failed = call(1), late = call(2), third = call(3);
        return failed == -EDOM && late == -EDOM && third == -EDOM ? 0 : 1;
    });
    const auto rules = [](ruled_handler &h) {
        h.observed = true;
        h.deadline = is_for(h, 2) ? 50ms : 600s;
    };
    EXPECT_EQ(serve(child, plugin.ruled(rules), {.deadline = 600s}), 0);
    EXPECT_EQ(count(ending::failed), 1U);
    EXPECT_EQ(count(ending::late), 1U);
    EXPECT_EQ(count(ending::observed), 1U);
}

TEST_F(notify_rules, what_the_profile_denies_is_left_to_the_kernel_by_no_rule)
{
    std::atomic<bool> go_on{false};
    functional_plugin plugin(DEPUTY_CAP_CONTINUE);
    plugin.on(1, [](auto *, const auto &, auto &) { return DEPUTY_CONTINUE; });
    plugin.on(2, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    plugin.on(3, [](auto *, const auto &, auto &) { return -EIO; });
    plugin.on(4, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return go_on.load(); });
        return reply(a, 1);
    });
    plugin.on(5, [&](auto *, const auto &, auto &a) {
        go_on = true;
        return reply(a, 1);
    });
    const auto denies = [](const std::function<void(ruled_handler &)> &rules, functional_plugin &p,
                           auto calls) {
        supervised child([calls] { return calls() ? 0 : 1; });
        auto c = std::make_shared<deputyd::container>(*container(1));
        c->denied = std::make_shared<const deputyd::denied_calls>(deputyd::parse_denied("EDOM"));
        host h({.deadline = 600s});
        h.serve(c, p.ruled(rules), std::make_unique<deputyd::listener>(child.take_listener()), {});
        return child.run() == 0;
    };
    EXPECT_TRUE(denies([](ruled_handler &) {}, plugin, [] { return call(1) == -EDOM && call(2) == 5; }));
    EXPECT_TRUE(denies([](ruled_handler &h) { h.on = false; }, plugin,
                       [] { return call(1) == -EDOM && call(2) == -EDOM; }));
    const auto observed = [](ruled_handler &h) {
        h.observed = true;
        h.deadline = 50ms;
    };
    EXPECT_TRUE(denies(observed, plugin, [] {
        return call(1) == -EDOM && call(2) == -EDOM && call(3) == -EDOM && call(4) == -EDOM &&
               call(5) == -EDOM;
    }));
}

TEST_F(notify_rules, a_handler_that_passes_is_not_taken_for_one_that_is_off)
{
    const long kernel = unserved();
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &) { return DEPUTY_PASS; });
    plugin.on(1, [](auto *, const auto &, auto &) { return DEPUTY_PASS; });
    const auto errno_of = [&](bool observed) {
        supervised child([] { return static_cast<int>(-call(1)); });
        bool first = true;
        return serve(child, plugin.ruled([&](ruled_handler &h) {
            h.on = std::exchange(first, false);
            h.observed = observed;
        }));
    };
    EXPECT_EQ(errno_of(false), EPERM);
    EXPECT_EQ(errno_of(true), kernel);
}

TEST_F(notify_rules, handlers_can_be_exchanged_while_calls_come)
{
    std::atomic<bool> exchanged{false};
    functional_plugin plugin;
    plugin.on_off(EDOM);
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        wait_until([&] { return exchanged.load(); });
        return reply(a, 1);
    });
    // The first call is in flight while its handler is turned off, the second one comes after that.
    supervised child([] {
        const long first = call(1), second = call(1);
        return first == 1 && second == -EDOM ? 0 : 1;
    });
    host h({.deadlines = false});
    h.serve(container(1), plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return h.numbers().containers.at(0).in_flight == 1; });
    h.use(1, plugin.ruled([](ruled_handler &r) { r.on = false; }));
    h.use(2, nullptr); // of a container that is not served: nothing
    exchanged = true;
    EXPECT_EQ(child.wait(), 0);
}

} // namespace
