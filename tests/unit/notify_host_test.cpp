// SPDX-License-Identifier: Apache-2.0
// Listeners come and go.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>

#include "notify/host.hpp"
#include "notify/journal.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::host;
using deputyd::journal_header;
using deputyd::journal_slot;

TEST(notify_host, serves_two_containers_and_tells_them_apart)
{
    functional_plugin plugin;
    plugin.on(
        1, [](auto *, const auto &s, auto &a) { return reply(a, static_cast<std::int64_t>(s.container)); });
    const auto body = [] { return static_cast<int>(call(1)); };
    supervised first(body);
    supervised second(body);
    host h({});
    h.serve(container(11), plugin.table(), first.take_listener());
    h.serve(container(12), plugin.table(), second.take_listener());
    EXPECT_EQ(second.run(), 12);
    EXPECT_EQ(first.run(), 11);
}

TEST(notify_host, serves_several_listeners_of_one_container_and_sees_the_last_go)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    const auto body = [] { return static_cast<int>(call(1)); };
    supervised first(body);
    supervised second(body);
    host h({});
    h.serve(container(1), plugin.table(), first.take_listener());
    h.serve(container(1), plugin.table(), second.take_listener());
    EXPECT_EQ(first.run(), 5);
    EXPECT_FALSE(h.wait_gone(1, 1ms));
    EXPECT_EQ(second.run(), 5);
    EXPECT_TRUE(h.wait_gone(1, 60s));
    EXPECT_TRUE(h.wait_gone(99, 0ms));
}

TEST(notify_host, stop_ends_lanes_that_wait_and_leaves_no_descriptor)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    const auto before = open_descriptors();
    {
        supervised child([] { return static_cast<int>(-call(1)); });
        {
            host h({});
            h.serve(container(1), plugin.table(), child.take_listener());
            h.stop();
            h.stop();
            EXPECT_EQ(h.left_behind(), 0U);
            EXPECT_THROW(h.serve(container(2), plugin.table(), deputy::unique_fd{}), std::runtime_error);
        }
        EXPECT_EQ(child.run(), ENOSYS); // the kernel's answer where nobody listens
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST(notify_host, a_descriptor_that_is_no_listener_ends_its_lane_alone)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(2), plugin.table(), deputy::unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)});
    EXPECT_TRUE(h.wait_gone(2, 60s));
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 5);
}

TEST(notify_host, many_callers_with_slow_handlers_among_them_all_get_their_own_answers)
{
    std::atomic<unsigned> calls{0};
    functional_plugin plugin;
    plugin.on(1, [&](auto *, const auto &s, auto &a) {
        if (++calls % 97 == 0) {
            std::this_thread::sleep_for(2ms);
        }
        return reply(a, static_cast<std::int64_t>(s.args[1]));
    });
    supervised child([] {
        for (int i = 0; i < 3; ++i) {
            if (::fork() == 0) {
                break;
            }
        }
        const auto own = static_cast<std::uint64_t>(::getpid());
        for (std::uint64_t i = 0; i < 400; ++i) {
            if (call(1, own * 1000 + i) != static_cast<long>(own * 1000 + i)) {
                return 1;
            }
        }
        int failed = 0;
        for (int status = 0; ::wait(&status) > 0;) {
            failed |= status;
        }
        return failed == 0 ? 0 : 1;
    });
    {
        host h({.slow = 1ms});
        h.serve(container(1), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), 0);
        EXPECT_TRUE(h.wait_gone(1, 60s));
    }
    EXPECT_EQ(calls, 1600U);
}

TEST(notify_host, a_container_whose_tasks_are_killed_at_any_moment_leaves_the_host_serving)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &, auto &a) {
        a.fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        return DEPUTY_REPLY_FD;
    });
    std::vector<std::unique_ptr<supervised>> children;
    for (int i = 0; i < 20; ++i) {
        children.push_back(std::make_unique<supervised>(
            [] {
                for (;;) {
                    ::close(static_cast<int>(call(1)));
                }
                return 0;
            },
            i % 2 == 0));
    }
    supervised last([] { return call(1) >= 0 ? 0 : 1; });
    const auto before = open_descriptors();
    {
        host h({});
        std::minstd_rand random(1); // the same moments each time, as far as the scheduler allows
        for (std::uint64_t i = 0; i < children.size(); ++i) {
            h.serve(container(i + 1, i % 2 == 0), plugin.table(), children[i]->take_listener());
            children[i]->go();
            std::this_thread::sleep_for(std::chrono::microseconds{random() % 2000});
            ::kill(children[i]->pid(), SIGKILL);
            EXPECT_EQ(children[i]->wait(), -SIGKILL);
            EXPECT_TRUE(h.wait_gone(i + 1, 60s));
        }
        h.serve(container(100), plugin.table(), last.take_listener());
        EXPECT_EQ(last.run(), 0);
    }
    EXPECT_EQ(open_descriptors(), before - children.size() - 1);
}

/// Finds the journal among this process's descriptors and maps it.
const unsigned char *map_journal(std::size_t &size)
{
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        if (std::filesystem::read_symlink(entry, ignored).string().starts_with("/memfd:deputy-journal")) {
            const int fd = std::stoi(entry.path().filename());
            struct stat st {
            };
            ::fstat(fd, &st);
            size = static_cast<std::size_t>(st.st_size);
            void *p = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
            return p == MAP_FAILED ? nullptr : static_cast<const unsigned char *>(p);
        }
    }
    return nullptr;
}

/// How many slots hold a call with this argument, in this phase.
int recorded(std::uint64_t argument, deputyd::call_phase phase)
{
    std::size_t size = 0;
    const unsigned char *memory = map_journal(size);
    if (memory == nullptr) {
        return -1;
    }
    const auto &header = *reinterpret_cast<const journal_header *>(memory);
    EXPECT_STREQ(header.magic, "deputyJ");
    EXPECT_EQ(header.version, deputyd::journal::version);
    EXPECT_EQ(size, sizeof header + std::size_t{header.slot_count} * header.slot_size);
    int found = 0;
    for (std::uint32_t i = 0; i < header.slot_count; ++i) {
        const auto &slot = *reinterpret_cast<const journal_slot *>(memory + sizeof header +
                                                                   std::size_t{i} * header.slot_size);
        const auto &n = *reinterpret_cast<const seccomp_notif *>(slot.notification);
        found += slot.generation == header.generation && slot.container == 77 && n.id != 0 &&
                         n.data.args[1] == argument && slot.phase == static_cast<std::uint32_t>(phase)
                     ? 1
                     : 0;
    }
    ::munmap(const_cast<unsigned char *>(memory), size);
    return found;
}

TEST(notify_host, a_call_in_flight_is_in_the_journal_and_an_answered_one_is_not)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *, const auto &s, auto &a) {
        EXPECT_EQ(recorded(s.args[1], deputyd::call_phase::handling), 1);
        EXPECT_EQ(recorded(s.args[1] - 1, deputyd::call_phase::handling), 0);
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1, 4711) + call(1, 4712)); });
    host h({});
    h.serve(container(77), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 0);
}

TEST(notify_journal, cannot_shrink_or_grow_and_hands_out_cleared_slots)
{
    deputyd::journal j(9);
    EXPECT_NE(::ftruncate(j.fd(), 0), 0);
    EXPECT_NE(::ftruncate(j.fd(), 1 << 30), 0);
    journal_slot *a = j.acquire(1);
    journal_slot *b = j.acquire(1);
    ASSERT_NE(a, nullptr);
    ASSERT_NE(a, b);
    EXPECT_EQ(a->generation, 9U);
    a->token.size = 5;
    a->notification[0] = 1;
    a->notification[79] = 1;
    j.release(a);
    EXPECT_EQ(a->generation, 0U);
    journal_slot *again = j.acquire(1);
    EXPECT_EQ(again, a);
    EXPECT_EQ(again->token.size, 0U);
    EXPECT_EQ(again->notification[0], 0);
    EXPECT_EQ(again->notification[79], 0);
    j.release(again);
    j.release(b);
}

TEST(notify_journal, gives_no_more_slots_than_it_has)
{
    deputyd::journal j;
    for (std::uint32_t i = 0; i < deputyd::journal::slots; ++i) {
        ASSERT_NE(j.acquire(1), nullptr);
    }
    EXPECT_EQ(j.acquire(1), nullptr);
}

} // namespace
