// SPDX-License-Identifier: Apache-2.0
// Lanes without calls have no thread, and the end of a channel is told once.
#include <atomic>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "notify/host.hpp"
#include "notify/listener.hpp"
#include "notify/lxc_channel.hpp"
#include "support/lxc_monitor.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::host;
using deputyd::listener;
using deputyd::lxc_channel;

std::shared_ptr<const deputyd::handler_table> unowned(const deputyd::handler_table &table)
{
    return {std::shared_ptr<void>{}, &table};
}
std::unique_ptr<deputyd::channel> channel_of(supervised &child)
{
    return std::make_unique<listener>(child.take_listener());
}

std::size_t threads()
{
    std::size_t n = 0;
    for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/task")) {
        ++n;
    }
    return n;
}
std::size_t resident_bytes()
{
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Counts calls, and waits for the first.
struct counter {
    std::atomic<int> n{0};
    std::function<void()> call()
    {
        return [this] { ++n; };
    }
    void await(int at_least = 1)
    {
        wait_until([&] { return n.load() >= at_least; });
    }
};

class notify_parking : public testing::Test
{
protected:
    notify_parking()
    {
        plugin.on(
            1, [](auto *, const auto &s, auto &a) { return reply(a, static_cast<std::int64_t>(s.args[1])); });
    }
    functional_plugin plugin;
    counter ended;
};

TEST_F(notify_parking, a_lane_without_calls_has_no_thread_and_gets_one_for_the_next_call)
{
    supervised child([] {
        for (std::uint64_t i = 0; i < 20; ++i) {
            if (call(1, i) != static_cast<long>(i)) {
                return 1;
            }
            ::usleep(5000);
        }
        return 0;
    });
    host h({.idle = 1ms});
    const auto idle = threads();
    h.serve(container(1), unowned(plugin.table()), channel_of(child), ended.call());
    EXPECT_EQ(threads(), idle);
    child.go();
    EXPECT_EQ(child.wait(), 0);
    ended.await();
    wait_until([&] { return threads() == idle; });
    EXPECT_EQ(ended.n, 1);
}

TEST_F(notify_parking, calls_at_the_moment_of_parking_are_neither_lost_nor_interrupted)
{
    std::atomic<int> interrupted{0};
    functional_plugin waits;
    waits.on(1, [&](auto *, const auto &s, auto &a) {
        const timespec moment{0, 200'000};
        interrupted += ::nanosleep(&moment, nullptr) != 0 ? 1 : 0;
        return reply(a, static_cast<std::int64_t>(s.args[1]));
    });
    supervised child([] {
        for (std::uint64_t i = 0; i < 1000; ++i) {
            if (call(1, i) != static_cast<long>(i)) {
                return 1;
            }
            ::usleep(static_cast<useconds_t>(i * 7 % 1500));
        }
        return 0;
    });
    host h({.slow = 1ms, .idle = 0ms});
    h.serve(container(1), unowned(waits.table()), channel_of(child), ended.call());
    EXPECT_EQ(child.run(), 0);
    ended.await();
    EXPECT_EQ(interrupted, 0);
}

TEST_F(notify_parking, a_listener_that_hangs_up_while_parked_ends_once)
{
    supervised child([] { return 0; });
    {
        host h({});
        h.serve(container(1), unowned(plugin.table()), channel_of(child), ended.call());
        EXPECT_EQ(child.run(), 0);
        ended.await();
        EXPECT_TRUE(h.wait_gone(1, 60s));
    }
    EXPECT_EQ(ended.n, 1);
}

TEST_F(notify_parking, a_listener_that_hangs_up_under_its_thread_ends_once)
{
    supervised child([] { return static_cast<int>(call(1, 3)); });
    {
        host h({});
        h.serve(container(1), unowned(plugin.table()), channel_of(child), ended.call());
        EXPECT_EQ(child.run(), 3);
        ended.await();
    }
    EXPECT_EQ(ended.n, 1);
}

TEST_F(notify_parking, a_descriptor_that_does_not_work_ends_once)
{
    for (const char *file : {"/dev/null", "/dev/zero"}) {
        host h({});
        h.serve(container(1), unowned(plugin.table()),
                std::make_unique<listener>(deputy::unique_fd{::open(file, O_RDONLY | O_CLOEXEC)}),
                ended.call());
        ended.await();
        h.stop();
        EXPECT_EQ(ended.n.exchange(0), 1);
    }
}

TEST_F(notify_parking, a_monitor_that_closes_ends_once)
{
    auto [monitors, ours] = lxc_connection();
    {
        host h({});
        h.serve(container(1), unowned(plugin.table()), std::make_unique<lxc_channel>(std::move(ours), "lxc"),
                ended.call());
        monitors.reset();
        ended.await();
    }
    EXPECT_EQ(ended.n, 1);
}

TEST_F(notify_parking, a_channel_ends_only_when_the_thread_that_hangs_in_its_call_is_back)
{
    std::atomic<bool> begun{false};
    std::atomic<bool> release{false};
    functional_plugin hangs;
    hangs.on(1, [&](auto *, const auto &, auto &a) {
        begun = true;
        wait_until([&] { return release.load(); });
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    supervised other([] { return 0; });
    {
        host h({.deadline = 10ms, .slow = 1ms, .idle = 1ms});
        counter other_ended;
        h.serve(container(1), unowned(hangs.table()), channel_of(child), ended.call());
        h.serve(container(2), unowned(hangs.table()), channel_of(other), other_ended.call());
        child.go();
        wait_until([&] { return begun.load(); });
        EXPECT_NE(child.wait(), 0); // the watchdog has answered: the filter has no user any more
        other.run();
        other_ended.await(); // by then the other one has been seen too, or never is
        EXPECT_FALSE(h.wait_gone(1, 20ms));
        EXPECT_EQ(ended.n, 0);
        release = true;
        ended.await();
        EXPECT_TRUE(h.wait_gone(1, 60s));
    }
    EXPECT_EQ(ended.n, 1);
}

TEST_F(notify_parking, stop_ends_no_channel)
{
    supervised parked([] { return 0; });
    supervised serving([] {
        const auto r = static_cast<int>(call(1, 0));
        ::pause();
        return r;
    });
    const auto before = open_descriptors();
    {
        host h({});
        h.serve(container(1), unowned(plugin.table()), channel_of(parked), ended.call());
        h.serve(container(2), unowned(plugin.table()), channel_of(serving), ended.call());
        serving.go();
        h.stop();
        EXPECT_EQ(h.left_behind(), 0U);
        EXPECT_TRUE(h.wait_gone(1, 0ms));
        EXPECT_TRUE(h.wait_gone(2, 0ms));
        EXPECT_THROW(h.serve(container(3), unowned(plugin.table()),
                             std::make_unique<listener>(deputy::unique_fd{}), ended.call()),
                     std::runtime_error);
    }
    EXPECT_EQ(ended.n, 0);
    EXPECT_EQ(open_descriptors(), before - 2);
}

TEST_F(notify_parking, nothing_is_told_after_stop_by_a_thread_that_hung)
{
    std::atomic<bool> begun{false};
    std::atomic<bool> release{false};
    std::atomic<bool> back{false};
    // The thread that hung uses the plugin still when the host is gone: the last of the two frees it.
    const auto hangs = std::make_shared<functional_plugin>();
    hangs->on(1, [&](auto *, const auto &, auto &a) {
        begun = true;
        wait_until([&] { return release.load(); });
        back = true;
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    std::thread([] {}).join(); // with the first thread a sanitizer may start one of its own
    const auto before = threads();
    {
        host h({.deadline = 10ms});
        h.serve(container(1), std::shared_ptr<const deputyd::handler_table>(hangs, &hangs->table()),
                channel_of(child), ended.call());
        child.go();
        wait_until([&] { return begun.load(); });
        child.wait();
        h.stop();
        EXPECT_EQ(h.left_behind(), 1U);
    }
    release = true;
    wait_until([&] { return back.load() && threads() == before; });
    EXPECT_EQ(ended.n, 0);
}

TEST_F(notify_parking, a_thousand_idle_lanes_cost_no_thread_and_each_wakes_for_a_call)
{
    constexpr std::size_t lanes = 1000;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &raised);
    if (raised.rlim_cur < 2 * lanes + 100) {
        GTEST_SKIP() << "the limit of descriptors is " << raised.rlim_cur;
    }
    std::vector<deputy::unique_fd> monitors;
    std::vector<deputy::unique_fd> ours;
    for (std::size_t i = 0; i < lanes; ++i) {
        auto [theirs, own] = lxc_connection();
        monitors.push_back(std::move(theirs));
        ours.push_back(std::move(own));
    }
    {
        host h({.idle = 20ms});
        const auto threads_before = threads();
        const auto memory_before = resident_bytes();
        for (std::size_t i = 0; i < lanes; ++i) {
            h.serve(container(i + 1), unowned(plugin.table()),
                    std::make_unique<lxc_channel>(std::move(ours[i]), "lxc"), ended.call());
        }
        EXPECT_EQ(threads(), threads_before);
        const auto never_called = resident_bytes();
        // An unknown call: whatever the answer, a thread has made it.
        for (std::size_t i = 0; i < lanes; ++i) {
            seccomp_notif n{};
            n.id = i + 1;
            n.data.arch = AUDIT_ARCH_X86_64;
            n.data.nr = SYS_quotactl;
            n.data.args[0] = 1;
            n.data.args[1] = i;
            ASSERT_TRUE(send_with_fds(monitors[i].get(), lxc_layout{}.request(n), {}));
        }
        for (std::size_t i = 0; i < lanes; ++i) {
            std::vector<char> answer(lxc_layout{}.answer_size());
            ASSERT_EQ(::recv(monitors[i].get(), answer.data(), answer.size(), 0),
                      static_cast<ssize_t>(answer.size()));
            seccomp_notif_resp r{};
            std::memcpy(&r, answer.data() + lxc_layout{}.response_at(), sizeof r);
            EXPECT_EQ(r.id, i + 1);
            EXPECT_EQ(r.val, static_cast<std::int64_t>(i));
        }
        wait_until([&] { return threads() == threads_before; });
        std::printf("%zu idle lanes: %zu bytes resident each, %zu after a call of each\n", lanes,
                    (never_called - std::min(never_called, memory_before)) / lanes,
                    (resident_bytes() - std::min(resident_bytes(), memory_before)) / lanes);
        monitors.clear();
        ended.await(lanes);
    }
    EXPECT_EQ(ended.n, static_cast<int>(lanes));
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace
