// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "observe/call_statistics.hpp"
#include "plugin/loaded_plugin.hpp"

namespace deputyd
{
namespace
{

using std::chrono::nanoseconds;

std::uint64_t of(const call_numbers &n, ending how)
{
    return n.by_ending[static_cast<std::size_t>(how)];
}

TEST(observe_statistics, count_by_handler_ending_and_errno)
{
    const handler one{}, other{};
    call_statistics s;
    s.add(&one, ending::value, 0, nanoseconds(10));
    s.add(&one, ending::error, ENOENT, nanoseconds(10));
    s.add(&other, ending::failed, EPERM, nanoseconds(10));
    s.add(nullptr, ending::error, EPERM, nanoseconds(10));
    s.add(&other, ending::error, 4000, nanoseconds(10)); // no errno of Linux: the last one is not missed
    const auto all = s.read();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all.at(&one).calls(), 2U);
    EXPECT_EQ(all.at(&one).errors(), 1U);
    EXPECT_EQ(of(all.at(&one), ending::value), 1U);
    EXPECT_EQ(all.at(&one).by_errno, (std::map<int, std::uint64_t>{{ENOENT, 1}}));
    EXPECT_EQ(of(all.at(&other), ending::failed), 1U);
    EXPECT_EQ(all.at(&other).by_errno, (std::map<int, std::uint64_t>{{EPERM, 1}, {EHWPOISON, 1}}));
    EXPECT_EQ(all.at(nullptr).errors(), 1U);
}

TEST(observe_statistics, lose_nothing_to_threads_that_count_at_once)
{
    constexpr unsigned threads = 4, calls = 2000;
    const std::vector<handler> handlers(5);
    call_statistics s;
    std::vector<std::thread> all;
    for (unsigned t = 0; t < threads; ++t) {
        all.emplace_back([&] {
            for (unsigned i = 0; i < calls; ++i) {
                s.add(&handlers[i % handlers.size()], ending::error, EPERM, nanoseconds(i));
            }
        });
    }
    for (auto &t : all) {
        t.join();
    }
    const auto numbers = s.read();
    ASSERT_EQ(numbers.size(), handlers.size());
    for (const auto &[by, n] : numbers) {
        EXPECT_EQ(n.calls(), threads * calls / handlers.size());
        EXPECT_EQ(n.by_errno.at(EPERM), threads * calls / handlers.size());
    }
}

TEST(observe_statistics, endings_have_names)
{
    EXPECT_EQ(name_of(ending::value), "value");
    EXPECT_EQ(name_of(ending::lost), "lost");
    EXPECT_EQ(name_of(ending::observed), "observed");
    static_assert(static_cast<std::size_t>(ending::observed) + 1 == endings);
}

} // namespace
} // namespace deputyd
