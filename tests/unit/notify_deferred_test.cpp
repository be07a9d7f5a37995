// SPDX-License-Identifier: Apache-2.0
// Calls that are answered after their handler has returned, and handlers that block.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "notify/deferred.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::defer_table;
using deputyd::host;

deputy_answer value(std::int64_t v)
{
    deputy_answer a{};
    a.struct_size = sizeof a;
    a.value = v;
    a.fd = a.number = -1;
    return a;
}
std::int32_t complete(std::uint64_t ticket, std::int64_t v)
{
    const deputy_answer a = value(v);
    return defer_table.complete(nullptr, ticket, DEPUTY_REPLY, &a);
}

/// A plugin whose call 1 is deferred; what is told of it, and by whom, is the test's.
class deferring
{
public:
    deferring()
    {
        plugin.on_call_gone([this](std::uint64_t t) {
            EXPECT_EQ(t, ticket.load());
            ++gone;
        });
        plugin.on(1, [this](auto *c, const auto &, auto &) {
            std::uint64_t t = 0;
            EXPECT_EQ(defer_table.defer(c, &t), 0);
            EXPECT_NE(t, 0U);
            ticket = t;
            return DEPUTY_DEFER;
        });
        plugin.on(2, [](auto *, const auto &, auto &a) { return reply(a, 2); });
    }
    std::uint64_t wait_ticket()
    {
        wait_until([this] { return ticket.load() != 0; });
        return ticket;
    }

    functional_plugin plugin;
    std::atomic<std::uint64_t> ticket{0};
    std::atomic<int> gone{0};
};

TEST(notify_deferred, is_answered_by_another_thread_while_others_are_served)
{
    deferring d;
    supervised child([] {
        const pid_t other = ::fork();
        if (other == 0) {
            ::_exit(static_cast<int>(call(1)));
        }
        const int second = static_cast<int>(call(2));
        int status = 0;
        ::waitpid(other, &status, 0);
        return second * 10 + WEXITSTATUS(status);
    });
    host h({});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    const std::uint64_t t = d.wait_ticket();
    std::thread([t] { EXPECT_EQ(complete(t, 7), 0); }).join();
    EXPECT_EQ(child.wait(), 27);
    EXPECT_EQ(complete(t, 8), -ENOENT);
    EXPECT_EQ(d.gone, 0);
}

TEST(notify_deferred, may_be_answered_before_its_handler_has_returned)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &, auto &) {
        std::uint64_t t = 0;
        EXPECT_EQ(defer_table.defer(c, &t), 0);
        EXPECT_EQ(complete(t, 5), 0);
        return DEPUTY_DEFER;
    });
    supervised child([] { return static_cast<int>(call(1)) * 10 + static_cast<int>(call(1)); });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 55);
}

TEST(notify_deferred, has_no_deadline)
{
    deferring d;
    supervised child([] { return static_cast<int>(call(1)); });
    host h({.deadline = 500ms});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    const std::uint64_t t = d.wait_ticket();
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(complete(t, 6), 0);
    EXPECT_EQ(child.wait(), 6);
}

TEST(notify_deferred, puts_a_descriptor_into_the_caller)
{
    deferring d;
    supervised child([] {
        const long fd = call(1);
        return ::fcntl(static_cast<int>(fd), F_GETFD) == FD_CLOEXEC ? 0 : 1;
    });
    host h({});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    const std::uint64_t t = d.wait_ticket();
    deputy_answer a = value(0);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const deputy::unique_fd read_end(ends[0]);
    a.fd = ends[1];
    a.fd_flags = O_CLOEXEC;
    EXPECT_EQ(defer_table.complete(nullptr, t, DEPUTY_REPLY_FD, &a), 0);
    EXPECT_EQ(child.wait(), 0);
    char byte = 0;
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 0); // nobody has the other end any more
}

TEST(notify_deferred, a_second_answer_closes_its_descriptor)
{
    deputy_answer a = value(0);
    a.fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int fd = a.fd;
    EXPECT_EQ(defer_table.complete(nullptr, 1ULL << 60, DEPUTY_REPLY_FD, &a), -ENOENT);
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(notify_deferred, nonsense_is_eperm_for_the_caller)
{
    deferring d;
    supervised child([] { return static_cast<int>(-call(1)); });
    host h({});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    const deputy_answer a = value(0);
    EXPECT_EQ(defer_table.complete(nullptr, d.wait_ticket(), DEPUTY_DEFER, &a), -EINVAL);
    EXPECT_EQ(child.wait(), EPERM);
}

TEST(notify_deferred, without_a_ticket_is_eperm)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &) { return DEPUTY_DEFER; });
    supervised child([] { return static_cast<int>(-call(1)); });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), EPERM);
}

TEST(notify_deferred, a_ticket_whose_call_is_answered_all_the_same_is_dead)
{
    std::atomic<std::uint64_t> ticket{0};
    std::atomic<int> gone{0};
    functional_plugin plugin;
    plugin.on_call_gone([&](std::uint64_t) { ++gone; });
    plugin.on(1, [&](auto *c, const auto &, auto &a) {
        std::uint64_t t = 0;
        EXPECT_EQ(defer_table.defer(c, &t), 0);
        ticket = t;
        return reply(a, 4);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 4);
    EXPECT_EQ(gone, 1);
    EXPECT_EQ(complete(ticket, 1), -ENOENT);
}

TEST(notify_deferred, tells_once_that_its_caller_was_killed)
{
    deferring d;
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    const std::uint64_t t = d.wait_ticket();
    ::kill(child.pid(), SIGKILL);
    wait_until([&] { return d.gone != 0; });
    EXPECT_EQ(complete(t, 1), -ENOENT);
    EXPECT_TRUE(h.wait_gone(1, 5s));
    EXPECT_EQ(d.gone, 1);
}

void ignore(int)
{
}

TEST(notify_deferred, a_caught_signal_makes_it_eintr_under_wait_killable)
{
    deferring d;
    supervised child([] {
        struct sigaction action {
        };
        action.sa_handler = ignore; // without SA_RESTART
        ::sigaction(SIGUSR1, &action, nullptr);
        return static_cast<int>(-call(1));
    });
    host h({});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    d.wait_ticket();
    ::kill(child.pid(), SIGUSR1);
    EXPECT_EQ(child.wait(), EINTR);
    wait_until([&] { return d.gone != 0; });
}

TEST(notify_deferred, an_ignored_signal_does_not_end_it)
{
    deferring d;
    supervised child([] {
        ::signal(SIGUSR1, SIG_IGN);
        return static_cast<int>(call(1));
    });
    host h({});
    h.serve(container(1), d.plugin.table(), child.take_listener());
    child.go();
    const std::uint64_t t = d.wait_ticket();
    ::kill(child.pid(), SIGUSR1);
    std::this_thread::sleep_for(60ms);
    EXPECT_EQ(complete(t, 3), 0);
    EXPECT_EQ(child.wait(), 3);
    EXPECT_EQ(d.gone, 0);
}

TEST(notify_deferred, has_a_limit_a_container)
{
    constexpr int limit = static_cast<int>(deputyd::waiting_limit);
    std::vector<std::uint64_t> tickets;
    std::mutex mutex;
    functional_plugin plugin;
    plugin.on(1, [&](auto *c, const auto &, auto &a) {
        std::uint64_t t = 0;
        if (const std::int32_t r = defer_table.defer(c, &t); r < 0) {
            return fail(a, -r);
        }
        const std::lock_guard lock(mutex);
        tickets.push_back(t);
        return DEPUTY_DEFER;
    });
    plugin.on(2, [&](auto *, const auto &, auto &a) {
        const std::lock_guard lock(mutex);
        return reply(a, static_cast<std::int64_t>(tickets.size()));
    });
    supervised child([] {
        for (int i = 0; i < limit; ++i) {
            if (::fork() == 0) {
                ::_exit(static_cast<int>(call(1)));
            }
        }
        while (call(2) < limit) {
            ::usleep(1000);
        }
        return static_cast<int>(-call(1));
    });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), EAGAIN);
    std::vector<std::uint64_t> all;
    {
        const std::lock_guard lock(mutex);
        all = tickets;
    }
    for (const std::uint64_t t : all) {
        EXPECT_EQ(complete(t, 0), 0);
    }
    EXPECT_TRUE(h.wait_gone(1, 5s));
}

TEST(notify_deferred, is_eperm_when_the_host_ends)
{
    deferring d;
    supervised child([] { return static_cast<int>(-call(1)); });
    {
        host h({});
        h.serve(container(1), d.plugin.table(), child.take_listener());
        child.go();
        d.wait_ticket();
    }
    EXPECT_EQ(child.wait(), EPERM);
    EXPECT_EQ(d.gone, 1);
}

/// A plugin whose call 1 reads from an empty pipe until it is told to stop.
class blocking
{
public:
    blocking()
    {
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        plugin.on(1, [this](auto *c, const auto &, auto &a) {
            EXPECT_EQ(defer_table.block(c), 0);
            EXPECT_EQ(defer_table.block(c), 0);
            ++begun;
            for (;;) {
                char byte = 0;
                if (::read(ends[0], &byte, 1) == 1) {
                    return reply(a, byte);
                }
                const std::int32_t why = defer_table.interrupted(c);
                if (why < 0) {
                    reason = why;
                    return fail(a, EINTR);
                }
            }
        });
        plugin.on(2, [](auto *, const auto &, auto &a) { return reply(a, 2); });
    }
    ~blocking()
    {
        ::close(ends[0]);
        ::close(ends[1]);
    }

    functional_plugin plugin;
    int ends[2] = {-1, -1};
    std::atomic<int> begun{0};
    std::atomic<std::int32_t> reason{0};
};

TEST(notify_blocking, has_no_deadline_and_holds_up_nobody)
{
    blocking b;
    supervised child([] {
        const pid_t other = ::fork();
        if (other == 0) {
            ::_exit(static_cast<int>(call(1)));
        }
        const int second = static_cast<int>(call(2));
        int status = 0;
        ::waitpid(other, &status, 0);
        return second * 10 + WEXITSTATUS(status);
    });
    host h({.deadline = 500ms, .slow = 1s});
    h.serve(container(1), b.plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return b.begun != 0; });
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(::write(b.ends[1], "\5", 1), 1);
    EXPECT_EQ(child.wait(), 25);
}

TEST(notify_blocking, ends_with_its_caller)
{
    blocking b;
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(1), b.plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return b.begun != 0; });
    ::kill(child.pid(), SIGKILL);
    EXPECT_TRUE(h.wait_gone(1, 5s));
    EXPECT_EQ(b.reason, -ESRCH);
}

TEST(notify_blocking, ends_for_a_signal_that_the_caller_catches)
{
    blocking b;
    supervised child([] {
        struct sigaction action {
        };
        action.sa_handler = ignore;
        ::sigaction(SIGUSR1, &action, nullptr);
        return static_cast<int>(-call(1));
    });
    host h({});
    h.serve(container(1), b.plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return b.begun != 0; });
    ::kill(child.pid(), SIGUSR1);
    EXPECT_EQ(child.wait(), EINTR);
    EXPECT_EQ(b.reason, -EINTR);
}

TEST(notify_blocking, ends_with_the_host)
{
    blocking b;
    supervised child([] { return static_cast<int>(-call(1)); });
    {
        host h({});
        h.serve(container(1), b.plugin.table(), child.take_listener());
        child.go();
        wait_until([&] { return b.begun != 0; });
        h.stop();
        EXPECT_EQ(h.left_behind(), 0U);
    }
    EXPECT_EQ(child.wait(), EINTR);
    EXPECT_EQ(b.reason, -ECANCELED);
}

TEST(notify_blocking, is_not_counted_among_threads_that_hang)
{
    blocking b;
    supervised child([] {
        for (int i = 0; i < 3; ++i) {
            if (::fork() == 0) {
                ::_exit(static_cast<int>(call(1)));
            }
        }
        ::sleep(1);
        return static_cast<int>(call(2));
    });
    host h({.slow = 500ms, .hung_limit = 1}); // time enough to say that they block
    h.serve(container(1), b.plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return b.begun == 3; });
    EXPECT_EQ(child.wait(), 2);
    EXPECT_EQ(::write(b.ends[1], "\1\1\1", 3), 3);
    EXPECT_TRUE(h.wait_gone(1, 5s));
}

} // namespace
