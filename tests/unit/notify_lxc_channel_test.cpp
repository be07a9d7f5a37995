// SPDX-License-Identifier: Apache-2.0
// Calls that LXC's monitor hands over, and the answers it gets.
#include <array>
#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "caller/caller_table.hpp"
#include "notify/effect.hpp"
#include "notify/host.hpp"
#include "notify/lxc_channel.hpp"
#include "support/lxc_monitor.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::channel;
using deputyd::host;
using deputyd::lxc_channel;

std::shared_ptr<const deputyd::handler_table> unowned(const deputyd::handler_table &table)
{
    return {std::shared_ptr<void>{}, &table};
}

struct outcome {
    int status;
    int asked;
    int answered;
};

/// Runs body in a child whose calls go through a monitor.
outcome through_monitor(functional_plugin &plugin, const std::function<int()> &body, lxc_layout layout = {},
                        std::size_t descriptors = 3, host::settings s = {})
{
    supervised child(body, false);
    auto [monitors, ours] = lxc_connection();
    std::atomic<int> ended{0};
    outcome o{};
    {
        host h(s);
        h.serve(container(1, false), unowned(plugin.table()),
                std::make_unique<lxc_channel>(std::move(ours), "lxc"), [&] { ++ended; });
        lxc_monitor monitor(child.take_listener(), std::move(monitors), std::move(layout), descriptors);
        o.status = child.run();
        monitor.join();
        wait_until([&] { return ended.load() == 1; });
        o.asked = monitor.asked;
        o.answered = monitor.answered;
    }
    EXPECT_EQ(ended, 1);
    return o;
}

TEST(notify_lxc_channel, a_value_an_error_and_the_kernels_own_answer_reach_the_caller)
{
    functional_plugin plugin(DEPUTY_CAP_CONTINUE);
    plugin.on(1,
              [](auto *, const auto &s, auto &a) { return reply(a, static_cast<std::int64_t>(s.args[1])); });
    plugin.on(2, [](auto *, const auto &, auto &a) { return fail(a, EXDEV); });
    plugin.on(3, [](auto *, const auto &, auto &) { return DEPUTY_CONTINUE; });
    const auto o = through_monitor(plugin, [] {
        if (call(1, 0x123456789) != 0x123456789) {
            return 1;
        }
        if (call(2) != -EXDEV) {
            return 2;
        }
        const long natively = call(3, 0, 0, 0); // quotactl(3, ...): the kernel knows no such command
        return natively == -EINVAL || natively == -ENODEV || natively == -EFAULT
                   ? 0
                   : static_cast<int>(-natively);
    });
    EXPECT_EQ(o.status, 0);
    EXPECT_EQ(o.asked, 3);
    EXPECT_EQ(o.answered, 3);
}

TEST(notify_lxc_channel, a_descriptor_arrives_with_its_number_and_flag)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) {
        a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
        a.fd_flags = O_CLOEXEC;
        return DEPUTY_REPLY_FD;
    });
    const auto before = open_descriptors();
    const auto o = through_monitor(plugin, [] {
        const int fd = static_cast<int>(call(1));
        char byte = 1;
        return ::read(fd, &byte, 1) == 1 && byte == 0 && ::fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : 1;
    });
    EXPECT_EQ(o.status, 0);
    EXPECT_EQ(o.answered, 1);
    EXPECT_EQ(open_descriptors(), before);
}

TEST(notify_lxc_channel, a_descriptor_that_does_not_fit_gives_the_callers_errno)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) {
        a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
        return DEPUTY_REPLY_FD;
    });
    const auto o = through_monitor(plugin, [] {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        return static_cast<int>(-call(1));
    });
    EXPECT_EQ(o.status, EMFILE);
    EXPECT_EQ(o.answered, 1);
}

TEST(notify_lxc_channel, memory_of_the_caller_is_read_under_a_cookie_and_with_longer_structs)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &s, auto &a) {
        char text[6] = {};
        const auto r = deputyd::caller_table.read(c, s.args[1], text, sizeof text);
        return r == 0 && std::string_view(text) == "hello" ? reply(a, 7) : fail(a, EIO);
    });
    static const char text[] = "hello";
    const auto body = [] { return static_cast<int>(call(1, address(text))); };
    EXPECT_EQ(through_monitor(plugin, body, {.cookie = "policy=build name=box"}).status, 7);
    EXPECT_EQ(through_monitor(plugin, body, {.cookie = "x", .longer = 16}).status, 7);
}

TEST(notify_lxc_channel, without_the_listener_services_refuse_and_other_handlers_work)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &s, auto &a) -> deputy_verdict {
        char byte = 0;
        std::int32_t fd = -1;
        deputy_identity id{};
        id.struct_size = sizeof id;
        EXPECT_EQ(deputyd::caller_table.write(c, s.args[1], &byte, 1), -ENOTSUP);
        EXPECT_EQ(deputyd::caller_table.identity(c, &id), -ENOTSUP);
        EXPECT_EQ(deputyd::descriptor_table.get(c, 0, &fd), -ENOTSUP);
        EXPECT_EQ(deputyd::path_table.resolve(c, AT_FDCWD, "/", 0, &fd), -ENOTSUP);
        const auto r = deputyd::caller_table.read(c, s.args[1], &byte, 1);
        EXPECT_EQ(r, -ENOTSUP);
        return r < 0 ? static_cast<deputy_verdict>(r) : reply(a, 0);
    });
    plugin.on(2, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    plugin.on(3, [](auto *, const auto &, auto &a) {
        a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
        return DEPUTY_REPLY_FD;
    });
    static char byte = 1;
    const auto o = through_monitor(
        plugin,
        [] {
            if (call(3) != -EPERM) {
                return 255;
            }
            return static_cast<int>(-call(1, address(&byte)) * 10 + call(2));
        },
        {}, 2);
    EXPECT_EQ(o.status, EPERM * 10 + 5);
    EXPECT_EQ(o.answered, 3);
}

TEST(notify_lxc_channel, a_missed_deadline_is_answered_once_and_later_calls_get_their_own_answers)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &s, auto &a) {
        char byte = 0;
        wait_until([&] { return deputyd::caller_table.read(c, s.args[1], &byte, 1) == -ECANCELED; });
        return reply(a, 99);
    });
    plugin.on(2,
              [](auto *, const auto &s, auto &a) { return reply(a, static_cast<std::int64_t>(s.args[1])); });
    static const char byte = 0;
    const auto o = through_monitor(plugin,
                                   [] {
                                       for (std::uint64_t i = 0; i < 3; ++i) {
                                           if (call(1, address(&byte)) != -EPERM ||
                                               call(2, 100 + i) != static_cast<long>(100 + i) ||
                                               call(2, 200 + i) != static_cast<long>(200 + i)) {
                                               return 1;
                                           }
                                       }
                                       return 0;
                                   },
                                   {}, 3, {.deadline = 20ms, .slow = 1ms});
    EXPECT_EQ(o.status, 0);
    EXPECT_EQ(o.answered, 9);
}

TEST(notify_lxc_channel, a_host_without_deadlines_answers_within_the_monitors_patience)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &s, auto &a) {
        char byte = 0;
        wait_until([&] { return deputyd::caller_table.read(c, s.args[1], &byte, 1) == -ECANCELED; });
        return reply(a, 99);
    });
    static const char byte = 0;
    supervised child([] { return static_cast<int>(-call(1, address(&byte))); }, false);
    auto [monitors, ours] = lxc_connection();
    host h({.deadlines = false});
    h.serve(container(1, false), unowned(plugin.table()),
            std::make_unique<lxc_channel>(std::move(ours), "lxc", lxc_channel::times{.handler = 10ms}), {});
    lxc_monitor monitor(child.take_listener(), std::move(monitors));
    EXPECT_EQ(child.run(), EPERM);
}

TEST(notify_lxc_channel, an_effect_for_a_caller_that_was_killed_is_undone)
{
    std::atomic<bool> begun{false};
    std::atomic<bool> killed{false};
    std::atomic<int> undone{0};
    functional_plugin plugin;
    plugin.on_undo([&](const auto &, auto) { ++undone; });
    plugin.on(1, [&](auto *c, const auto &, auto &a) {
        EXPECT_EQ(deputyd::effect_table.commit(c, "made", 4), 0);
        begun = true;
        wait_until([&] { return killed.load(); });
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1)); }, false);
    auto [monitors, ours] = lxc_connection();
    host h({});
    h.serve(container(1, false), unowned(plugin.table()),
            std::make_unique<lxc_channel>(std::move(ours), "lxc"), {});
    lxc_monitor monitor(child.take_listener(), std::move(monitors));
    child.go();
    wait_until([&] { return begun.load(); });
    ::kill(child.pid(), SIGKILL);
    child.wait();
    killed = true;
    monitor.join();
    EXPECT_EQ(monitor.answered, 1); // it waited for one all the same
    EXPECT_EQ(monitor.sent, 0);
    EXPECT_TRUE(h.wait_gone(1, 60s));
    EXPECT_EQ(undone, 1);
}

/// A monitor's end held by the test itself, and a channel.
class notify_lxc_by_hand : public testing::Test
{
protected:
    notify_lxc_by_hand()
    {
        auto [monitors, ours] = lxc_connection();
        monitor = std::move(monitors);
        host_end = std::move(ours);
    }
    lxc_channel make(lxc_channel::times t = {}) { return lxc_channel(std::move(host_end), "lxc", t); }
    void ask(std::uint64_t id, std::span<const int> fds = {})
    {
        seccomp_notif n{};
        n.id = id;
        n.pid = static_cast<std::uint32_t>(::getpid());
        n.data.nr = 42;
        EXPECT_TRUE(send_with_fds(monitor.get(), layout.request(n), fds));
    }
    /// What waits at the monitor's end: bytes, 0 for its end, -EAGAIN for nothing.
    ssize_t take(std::vector<char> &bytes) const
    {
        bytes.resize(4096);
        const ssize_t n = ::recv(monitor.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_TRUNC);
        bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return n < 0 ? -errno : n;
    }

    deputy::unique_fd monitor;
    deputy::unique_fd host_end;
    lxc_layout layout;
    alignas(8) std::array<unsigned char, 256> notification{};
    std::vector<char> bytes;
};

TEST_F(notify_lxc_by_hand, an_answer_is_the_request_without_its_cookie_and_with_the_response_in_place)
{
    layout.cookie = "policy=x";
    layout.longer = 8;
    lxc_channel c = make();
    ask(77);
    ASSERT_EQ(c.receive(notification.data()), channel::received::call);
    EXPECT_EQ(reinterpret_cast<const seccomp_notif *>(notification.data())->id, 77U);
    EXPECT_EQ(reinterpret_cast<const seccomp_notif *>(notification.data())->data.nr, 42);
    EXPECT_EQ(c.listener_fd(), -1);
    EXPECT_EQ(c.reply(77, 1, EACCES), channel::sent::delivered);
    seccomp_notif n{};
    n.id = 77;
    n.pid = static_cast<std::uint32_t>(::getpid());
    n.data.nr = 42;
    std::vector<char> expected = layout.request(n);
    expected.resize(layout.answer_size());
    seccomp_notif_resp r{};
    r.id = 77;
    r.error = -EACCES;
    std::memcpy(expected.data() + layout.response_at(), &r, sizeof r);
    take(bytes);
    EXPECT_EQ(bytes, expected);
}

TEST_F(notify_lxc_by_hand, a_request_gets_one_answer)
{
    lxc_channel c = make();
    ask(5);
    ASSERT_EQ(c.receive(notification.data()), channel::received::call);
    EXPECT_EQ(c.proceed(5), channel::sent::delivered);
    EXPECT_EQ(c.reply(5, 0, 0), channel::sent::late);
    EXPECT_EQ(c.reply(6, 0, 0), channel::sent::late);
    EXPECT_EQ(take(bytes), static_cast<ssize_t>(layout.answer_size()));
    EXPECT_EQ(take(bytes), -EAGAIN);
    c.finish(5);
    c.finish(5);
}

TEST_F(notify_lxc_by_hand, an_answer_to_what_the_monitor_has_given_up_is_not_sent)
{
    lxc_channel c = make();
    ask(5);
    ASSERT_EQ(c.receive(notification.data()), channel::received::call);
    ask(6);
    ASSERT_EQ(c.receive(notification.data()), channel::received::call);
    EXPECT_EQ(c.reply(5, 1, 0), channel::sent::late);
    EXPECT_EQ(take(bytes), -EAGAIN);
    EXPECT_EQ(c.reply(6, 2, 0), channel::sent::delivered);
    EXPECT_EQ(take(bytes), static_cast<ssize_t>(layout.answer_size()));
}

TEST_F(notify_lxc_by_hand, after_its_time_an_answer_becomes_a_closed_connection)
{
    lxc_channel c = make({.answer = 50ms});
    ask(5);
    ASSERT_EQ(c.receive(notification.data()), channel::received::call);
    std::this_thread::sleep_for(60ms);
    EXPECT_EQ(c.reply(5, 1, 0), channel::sent::late);
    EXPECT_EQ(take(bytes), 0);
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
}

TEST_F(notify_lxc_by_hand, a_request_that_has_waited_for_the_host_too_long_closes_the_connection)
{
    lxc_channel c = make({.answer = 30ms});
    ask(5);
    std::this_thread::sleep_for(40ms);
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
    EXPECT_EQ(take(bytes), 0);
}

TEST_F(notify_lxc_by_hand, its_end_is_the_channels_end)
{
    lxc_channel c = make();
    monitor.reset();
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
}

TEST_F(notify_lxc_by_hand, an_answer_after_its_end_is_lost)
{
    lxc_channel c = make();
    ask(5);
    ASSERT_EQ(c.receive(notification.data()), channel::received::call);
    monitor.reset();
    EXPECT_EQ(c.reply(5, 1, 0), channel::sent::lost);
}

TEST_F(notify_lxc_by_hand, a_datagram_that_is_no_request_closes_the_connection)
{
    lxc_channel c = make();
    EXPECT_TRUE(send_with_fds(monitor.get(), std::string(136, 'x'), {}));
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
    EXPECT_EQ(take(bytes), 0);
    EXPECT_TRUE(std::all_of(notification.begin(), notification.end(), [](auto b) { return b == 0; }));
}

TEST_F(notify_lxc_by_hand, a_datagram_that_is_too_long_closes_the_connection)
{
    lxc_channel c = make();
    layout.cookie = std::string(9000, 'x');
    ask(5);
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
    EXPECT_EQ(take(bytes), 0);
}

TEST_F(notify_lxc_by_hand, a_monitor_that_says_it_is_another_process_is_refused)
{
    lxc_channel c = make();
    layout.monitor = 1;
    ask(5);
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
    EXPECT_EQ(take(bytes), 0);
}

TEST_F(notify_lxc_by_hand,
       a_third_descriptor_that_is_no_listener_closes_the_connection_and_nothing_stays_open)
{
    const auto before = open_descriptors();
    lxc_channel c = make();
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ask(5, std::array{ends[0], ends[0], ends[0]});
    ::close(ends[0]);
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
    EXPECT_EQ(take(bytes), 0);
    pollfd p{ends[1], 0, 0}; // its readers are closed on a thread of their own
    ::poll(&p, 1, -1);
    EXPECT_NE(p.revents & POLLERR, 0);
    ::close(ends[1]);
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(notify_lxc_by_hand, more_than_three_descriptors_close_the_connection)
{
    lxc_channel c = make();
    const int own = monitor.get();
    ask(5, std::array{own, own, own, own});
    EXPECT_EQ(c.receive(notification.data()), channel::received::gone);
    EXPECT_EQ(take(bytes), 0);
}

} // namespace
