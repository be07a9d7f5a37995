// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.hpp"

#include <sys/epoll.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace
{

using deputyd::event_loop;
using namespace std::chrono_literals;

struct pipe_pair {
    deputy::unique_fd out;
    deputy::unique_fd in;
    pipe_pair()
    {
        int fds[2];
        if (pipe(fds) == 0) {
            out = deputy::unique_fd(fds[0]);
            in = deputy::unique_fd(fds[1]);
        }
    }
    void fill() const { ASSERT_EQ(write(in.get(), "x", 1), 1); }
};

TEST(EventLoop, calls_back_for_a_descriptor)
{
    event_loop loop;
    const pipe_pair p;
    std::uint32_t seen = 0;
    loop.add(p.out.get(), EPOLLIN, [&](std::uint32_t events) {
        seen = events;
        loop.stop();
    });
    p.fill();
    loop.run();
    EXPECT_EQ(seen & EPOLLIN, static_cast<std::uint32_t>(EPOLLIN));
}

TEST(EventLoop, tells_of_a_hang_up)
{
    event_loop loop;
    pipe_pair p;
    std::uint32_t seen = 0;
    loop.add(p.out.get(), 0, [&](std::uint32_t events) {
        seen = events;
        loop.stop();
    });
    p.in.reset();
    loop.run();
    EXPECT_NE(seen & EPOLLHUP, 0u);
}

TEST(EventLoop, forgets_a_removed_descriptor_within_the_round)
{
    event_loop loop;
    const pipe_pair a;
    const pipe_pair b;
    int calls = 0;
    const auto remove_both = [&](std::uint32_t) {
        ++calls;
        loop.remove(a.out.get());
        loop.remove(b.out.get());
        loop.stop();
    };
    loop.add(a.out.get(), EPOLLIN, remove_both);
    loop.add(b.out.get(), EPOLLIN, remove_both);
    a.fill();
    b.fill();
    loop.run();
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, runs_timers_in_their_order_and_not_the_cancelled)
{
    event_loop loop;
    std::string order;
    loop.after(20ms, [&] {
        order += 'c';
        loop.stop();
    });
    const auto cancelled = loop.after(15ms, [&] { order += 'x'; });
    loop.after(10ms, [&] { order += 'b'; });
    loop.after(0ms, [&] { order += 'a'; });
    loop.cancel(cancelled);
    loop.run();
    EXPECT_EQ(order, "abc");
}

TEST(EventLoop, handles_what_waits_and_comes_of_it_without_waiting)
{
    event_loop loop;
    const pipe_pair a;
    const pipe_pair b;
    std::string order;
    loop.add(a.out.get(), EPOLLIN, [&](std::uint32_t) {
        order += 'a';
        loop.remove(a.out.get());
        b.fill();
    });
    loop.add(b.out.get(), EPOLLIN, [&](std::uint32_t) {
        order += 'b';
        loop.remove(b.out.get());
    });
    loop.run_pending();
    EXPECT_EQ(order, "");
    a.fill();
    loop.run_pending();
    EXPECT_EQ(order, "ab");
}

TEST(EventLoop, runs_what_other_threads_post)
{
    event_loop loop;
    int sum = 0;
    std::thread other([&] {
        for (int i = 1; i <= 100; ++i) {
            loop.post([&sum, i] { sum += i; });
        }
        loop.stop();
    });
    loop.run();
    other.join();
    EXPECT_EQ(sum, 5050);
}

} // namespace
