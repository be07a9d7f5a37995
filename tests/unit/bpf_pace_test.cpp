// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bpf_cgroup_device/src/pace.hpp>

namespace
{

using namespace bpf_cgroup_device;
using namespace std::chrono_literals;

const token_bucket::clock::time_point start{1h};

TEST(bpf_pace, a_burst_does_not_wait)
{
    pacer p;
    auto own = pacer::for_container();
    for (int i = 0; i < 128; ++i) {
        EXPECT_EQ(p.reserve(own, start)->count(), 0) << i;
    }
    EXPECT_DOUBLE_EQ(p.reserve(own, start)->count(), 1.0 / 500);
    EXPECT_DOUBLE_EQ(p.reserve(own, start)->count(), 2.0 / 500);
}

TEST(bpf_pace, more_than_a_second_is_refused_and_not_counted)
{
    pacer p;
    auto own = pacer::for_container();
    int granted = 0;
    while (p.reserve(own, start)) {
        ++granted;
    }
    EXPECT_EQ(granted, 128 + 500);
    EXPECT_FALSE(p.reserve(own, start));
    EXPECT_TRUE(p.reserve(own, start + 10ms));
}

TEST(bpf_pace, tokens_come_back_up_to_the_burst)
{
    token_bucket b(2, 10);
    b.delay(start);
    b.take();
    b.take();
    EXPECT_DOUBLE_EQ(b.delay(start).count(), 0.1);
    EXPECT_DOUBLE_EQ(b.delay(start + 50ms).count(), 0.05);
    EXPECT_EQ(b.delay(start + 1h).count(), 0);
    b.take();
    b.take();
    EXPECT_DOUBLE_EQ(b.delay(start + 1h).count(), 0.1);
}

TEST(bpf_pace, containers_together_have_a_limit)
{
    pacer p;
    int at_once = 0;
    for (int container = 0; container < 8; ++container) {
        auto own = pacer::for_container();
        for (int i = 0; i < 128; ++i) {
            const auto wait = p.reserve(own, start);
            at_once += wait && wait->count() == 0 ? 1 : 0;
        }
    }
    EXPECT_EQ(at_once, 512);
}

} // namespace
