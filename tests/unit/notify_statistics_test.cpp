// SPDX-License-Identifier: Apache-2.0
// What a host counts of its calls.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <latch>
#include <signal.h>
#include <sys/eventfd.h>

#include "caller/caller_table.hpp"
#include "caller/pin.hpp"
#include "notify/deferred.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::call_numbers;
using deputyd::ending;
using deputyd::host;

std::uint64_t of(const call_numbers &n, ending how)
{
    return n.by_ending[static_cast<std::size_t>(how)];
}

/// All that is counted, of whichever handler.
call_numbers sum(const deputyd::call_statistics::by_handler &calls)
{
    call_numbers all;
    for (const auto &[by, numbers] : calls) {
        all += numbers;
    }
    return all;
}

TEST(notify_statistics, calls_are_counted_by_how_they_end_and_outlive_their_container)
{
    functional_plugin plugin(DEPUTY_CAP_CONTINUE);
    plugin.on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    plugin.on(2, [](auto *, const auto &, auto &a) {
        a.error = ENOENT;
        return DEPUTY_REPLY;
    });
    plugin.on(3, [](auto *, const auto &, auto &a) {
        a.fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        return DEPUTY_REPLY_FD;
    });
    plugin.on(4, [](auto *, const auto &, auto &) { return DEPUTY_CONTINUE; });
    plugin.on(5, [](auto *, const auto &, auto &) { return -EIO; });
    plugin.on(6, [](auto *, const auto &, auto &) { return DEPUTY_PASS; });
    supervised child([] {
        for (const int command : {1, 1, 2, 3, 4, 5, 6}) {
            call(command);
        }
        return 0;
    });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 0);
    ASSERT_TRUE(h.wait_gone(1, 60s));
    const deputyd::host_numbers numbers = h.numbers();
    EXPECT_TRUE(numbers.containers.empty());
    EXPECT_EQ(numbers.of_gone.size(), 6U); // 6 is nobody's
    const call_numbers all = sum(numbers.of_gone);
    EXPECT_EQ(all.calls(), 7U);
    EXPECT_EQ(all.errors(), 3U);
    EXPECT_EQ(of(all, ending::value), 2U);
    EXPECT_EQ(of(all, ending::error), 2U);
    EXPECT_EQ(of(all, ending::descriptor), 1U);
    EXPECT_EQ(of(all, ending::continued), 1U);
    EXPECT_EQ(of(all, ending::failed), 1U);
    EXPECT_EQ(all.by_errno, (std::map<int, std::uint64_t>{{EPERM, 2}, {ENOENT, 1}}));
    EXPECT_EQ(of(numbers.of_gone.at(nullptr), ending::error), 1U);
}

/// A channel with a call that is not received before release().
class full_channel final : public deputyd::channel
{
public:
    full_channel() : readable_(::eventfd(1, EFD_CLOEXEC)) {}
    void release()
    {
        eventfd_t count = 0;
        ::eventfd_read(readable_.get(), &count);
        released_.count_down();
    }
    [[nodiscard]] int poll_fd() const noexcept override { return readable_.get(); }
    received receive(void *) noexcept override
    {
        released_.wait();
        return received::gone;
    }
    [[nodiscard]] int listener_fd() const noexcept override { return -1; }
    sent reply(std::uint64_t, std::int64_t, int) noexcept override { return sent::lost; }
    sent proceed(std::uint64_t) noexcept override { return sent::lost; }
    injection inject(std::uint64_t, const sendable &, bool) noexcept override { return {sent::lost, 0, -1}; }

private:
    deputy::unique_fd readable_;
    std::latch released_{1};
};

TEST(notify_statistics, a_listener_with_a_call_that_nobody_has_received_is_counted)
{
    const auto nobody = std::make_shared<deputyd::handler_table>();
    host h({});
    EXPECT_EQ(h.numbers().queued, 0U);
    auto channel = std::make_unique<full_channel>();
    full_channel &full = *channel;
    h.serve(container(1), nobody, std::move(channel), {});
    EXPECT_EQ(h.numbers().queued, 1U);
    while (h.numbers().threads == 0) { // not only while it is parked
        std::this_thread::yield();
    }
    EXPECT_EQ(h.numbers().queued, 1U);
    full.release();
    ASSERT_TRUE(h.wait_gone(1, 60s));
    EXPECT_EQ(h.numbers().queued, 0U);
}

TEST(notify_statistics, a_container_is_seen_with_its_calls_in_flight)
{
    std::atomic<bool> begun{false}, release{false};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &, auto &a) {
        begun = true;
        wait_until([&] { return release.load(); });
        return reply(a, 1);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(7), plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return begun.load(); });
    const auto numbers = h.numbers();
    release = true;
    EXPECT_EQ(child.wait(), 1);
    ASSERT_EQ(numbers.containers.size(), 1U);
    EXPECT_EQ(numbers.containers[0].of->id, 7U);
    EXPECT_EQ(numbers.containers[0].listeners, 1U);
    EXPECT_EQ(numbers.containers[0].in_flight, 1U);
    EXPECT_TRUE(numbers.containers[0].calls.empty());
}

TEST(notify_statistics, a_late_answer_and_a_lost_one_are_told_apart)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &, auto &a) {
        std::int32_t none = -1;
        wait_until([&] { return deputyd::descriptor_table.get(c, -1, &none) == -ECANCELED; });
        return reply(a, 1);
    });
    plugin.on(2, [](auto *c, const auto &s, auto &a) {
        ::kill(static_cast<pid_t>(s.tid), SIGKILL);
        wait_until([&] { return deputyd::check_valid(*c) == -ESRCH; });
        return reply(a, 2);
    });
    supervised child([] { return static_cast<int>(call(1) + call(2)); });
    host h({.deadline = 500ms});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), -SIGKILL);
    ASSERT_TRUE(h.wait_gone(1, 60s));
    const call_numbers all = sum(h.numbers().of_gone);
    EXPECT_EQ(of(all, ending::late), 1U);
    EXPECT_EQ(of(all, ending::lost), 1U);
    EXPECT_EQ(all.calls(), 2U);
}

TEST(notify_statistics, a_deferred_call_is_counted_once_when_it_ends)
{
    std::atomic<std::uint64_t> ticket{0};
    functional_plugin plugin;
    plugin.on(1, [&](auto *c, const auto &, auto &) {
        std::uint64_t t = 0;
        EXPECT_EQ(deputyd::defer_table.defer(c, &t), 0);
        ticket = t;
        return DEPUTY_DEFER;
    });
    supervised child([] { return static_cast<int>(-call(1)); });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    child.go();
    wait_until([&] { return ticket.load() != 0; });
    EXPECT_EQ(h.numbers().containers.at(0).waiting, 1U);
    EXPECT_TRUE(sum(h.numbers().containers.at(0).calls).by_errno.empty());
    deputy_answer a{};
    a.struct_size = sizeof a;
    a.error = ENOSPC;
    a.fd = a.number = -1;
    EXPECT_EQ(deputyd::defer_table.complete(nullptr, ticket, DEPUTY_REPLY, &a), 0);
    EXPECT_EQ(child.wait(), ENOSPC);
    ASSERT_TRUE(h.wait_gone(1, 60s));
    const call_numbers all = sum(h.numbers().of_gone);
    EXPECT_EQ(all.calls(), 1U);
    EXPECT_EQ(all.by_errno, (std::map<int, std::uint64_t>{{ENOSPC, 1}}));
}

} // namespace
