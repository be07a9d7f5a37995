// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "observe/latency.hpp"

namespace deputyd
{
namespace
{

using std::chrono::nanoseconds;

TEST(observe_latency, each_duration_is_below_the_end_of_its_class_and_not_of_the_one_before)
{
    for (std::int64_t ns = 1; ns < 16'000'000'000; ns += ns / 7 + 1) {
        const std::size_t c = latencies::class_of(nanoseconds(ns));
        ASSERT_LT(c, latencies::classes);
        EXPECT_LT(nanoseconds(ns), latencies::end_of(c)) << ns;
        if (c > 0) {
            EXPECT_GE(nanoseconds(ns), latencies::end_of(c - 1)) << ns;
        }
    }
}

TEST(observe_latency, ends_are_half_an_octave_apart)
{
    EXPECT_EQ(latencies::end_of(0), nanoseconds(1024));
    EXPECT_EQ(latencies::end_of(1), nanoseconds(1536));
    EXPECT_EQ(latencies::end_of(2), nanoseconds(2048));
    EXPECT_EQ(latencies::end_of(3), nanoseconds(3072));
}

TEST(observe_latency, what_is_out_of_range_is_in_the_first_or_last_class)
{
    EXPECT_EQ(latencies::class_of(nanoseconds(-5)), 0U);
    EXPECT_EQ(latencies::class_of(nanoseconds(0)), 0U);
    EXPECT_EQ(latencies::class_of(std::chrono::hours(1)), latencies::classes - 1);
}

TEST(observe_latency, quantiles_are_ends_of_classes)
{
    latency_counter counter;
    EXPECT_EQ(counter.read().quantile(0.5), nanoseconds(0));
    for (int i = 0; i < 99; ++i) {
        counter.add(nanoseconds(2000));
    }
    counter.add(std::chrono::milliseconds(5));
    const latencies l = counter.read();
    EXPECT_EQ(l.count(), 100U);
    EXPECT_EQ(l.quantile(0.5), nanoseconds(2048));
    EXPECT_EQ(l.quantile(0.98), nanoseconds(2048));
    EXPECT_EQ(l.quantile(0.99), latencies::end_of(latencies::class_of(std::chrono::milliseconds(5))));
    EXPECT_EQ(l.quantile(1), l.quantile(0.99));
    EXPECT_EQ(l.total_ns, 99U * 2000 + 5'000'000);
}

TEST(observe_latency, sums_are_of_each_class)
{
    latency_counter one, other;
    one.add(nanoseconds(2000));
    other.add(nanoseconds(2000));
    other.add(nanoseconds(1));
    latencies sum = one.read();
    sum += other.read();
    EXPECT_EQ(sum.count(), 3U);
    EXPECT_EQ(sum.counts[0], 1U);
    EXPECT_EQ(sum.total_ns, 4001U);
}

} // namespace
} // namespace deputyd
