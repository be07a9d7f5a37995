// SPDX-License-Identifier: Apache-2.0
// A caller whose memory never answers hangs itself only. Root: a host's fault in an ordinary user's
// userfaultfd is refused, not held.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "caller/caller_table.hpp"
#include "notify/effect.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::caller_table;
using deputyd::host;

/// In the child: a page whose first access waits for a userfaultfd that nobody reads.
void *page_that_never_answers()
{
    const int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
    uffdio_api api{UFFD_API, 0, 0};
    void *page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uffdio_register range{{reinterpret_cast<std::uint64_t>(page), 4096}, UFFDIO_REGISTER_MODE_MISSING, 0};
    if (fd < 0 || ::ioctl(fd, UFFDIO_API, &api) != 0 || ::ioctl(fd, UFFDIO_REGISTER, &range) != 0) {
        ::_exit(97);
    }
    return page;
}

/// Another thread of the child touches the page by a call with this command; then come ordinary calls.
int hang_and_call(std::uint64_t command)
{
    void *page = page_that_never_answers();
    std::thread([=] { call(command, address(page)); }).detach();
    ::usleep(20000);
    for (std::uint64_t i = 0; i < 50; ++i) {
        if (call(9, i) != static_cast<long>(i)) {
            return 1;
        }
    }
    return 0;
}

class notify_hang : public testing::TestWithParam<int>
{
};

TEST_P(notify_hang, in_memory_costs_the_calling_thread_only)
{
    static std::atomic<int> began{0};
    static std::atomic<int> came_back{0};
    const int before = came_back;
    static auto &plugin = *[] {
        auto *p = new functional_plugin;
        const auto back = [](std::int32_t r, deputy_answer &a) {
            ++came_back;
            return fail(a, -r);
        };
        p->on_undo([](const auto &, auto) {});
        p->on(1, [=](auto *c, const auto &s, auto &a) {
            char byte[8];
            ++began;
            return back(caller_table.read(c, s.args[1], byte, 8), a);
        });
        p->on(2, [=](auto *c, const auto &s, auto &a) {
            char byte[8];
            ++began;
            return back(caller_table.read_string(c, s.args[1], byte, 8), a);
        });
        p->on(3, [=](auto *c, const auto &s, auto &a) {
            char byte[8];
            ++began;
            return back(caller_table.read_struct(c, s.args[1], 8, byte, 8), a);
        });
        p->on(4, [=](auto *c, const auto &s, auto &a) {
            ++began;
            return back(caller_table.write(c, s.args[1], "", 1), a);
        });
        p->on(9,
              [](auto *, const auto &s, auto &a) { return reply(a, static_cast<std::int64_t>(s.args[1])); });
        return p;
    }();
    supervised hanging([] {
        const int r = hang_and_call(static_cast<std::uint64_t>(GetParam()));
        ::pause(); // until the test has seen that the host stops all the same
        return r;
    });
    supervised same([] { return hang_and_call(static_cast<std::uint64_t>(GetParam())); });
    supervised other([] { return static_cast<int>(call(9, 5)); });
    host h({.deadline = 200ms});
    h.serve(container(1), plugin.table(), hanging.take_listener());
    h.serve(container(2), plugin.table(), same.take_listener());
    h.serve(container(3), plugin.table(), other.take_listener());
    hanging.go();
    EXPECT_EQ(same.run(), 0);
    EXPECT_EQ(other.run(), 5);
    wait_until([&] { return began == before + 2; });
    EXPECT_FALSE(h.wait_gone(1, 1ms));
    h.stop();
    EXPECT_EQ(h.left_behind(), 1U);
    ::kill(hanging.pid(), SIGKILL); // gives the page, and so the thread, back
    EXPECT_EQ(hanging.wait(), -SIGKILL);
    wait_until([&] { return came_back == before + 2; });
}

INSTANTIATE_TEST_SUITE_P(each_access, notify_hang, testing::Values(1, 2, 3, 4));

} // namespace
