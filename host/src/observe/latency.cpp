// SPDX-License-Identifier: Apache-2.0
#include "observe/latency.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace deputyd
{
namespace
{

constexpr unsigned first_octave = 10; ///< 1,024 ns

} // namespace

std::size_t latencies::class_of(std::chrono::nanoseconds duration) noexcept
{
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    const unsigned octave = static_cast<unsigned>(std::bit_width(ns >> first_octave));
    if (octave == 0) {
        return 0;
    }
    const std::uint64_t upper_half = (ns >> (first_octave + octave - 2)) & 1;
    return std::min<std::size_t>(2 * octave - 1 + upper_half, classes - 1);
}

std::chrono::nanoseconds latencies::end_of(std::size_t which) noexcept
{
    const std::uint64_t octave = std::uint64_t{1} << (first_octave + which / 2);
    return std::chrono::nanoseconds(which % 2 == 0 ? octave : octave + octave / 2);
}

std::uint64_t latencies::count() const noexcept
{
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::chrono::nanoseconds latencies::quantile(double which) const noexcept
{
    const std::uint64_t all = count();
    const auto wanted = static_cast<std::uint64_t>(which * static_cast<double>(all));
    std::uint64_t passed = 0;
    for (std::size_t i = 0; i < classes && all != 0; ++i) {
        passed += counts[i];
        if (passed > wanted || passed == all) {
            return end_of(i);
        }
    }
    return {};
}

latencies &latencies::operator+=(const latencies &more) noexcept
{
    std::transform(counts.begin(), counts.end(), more.counts.begin(), counts.begin(), std::plus<>());
    total_ns += more.total_ns;
    return *this;
}

latencies latency_counter::read() const noexcept
{
    latencies all;
    for (std::size_t i = 0; i < latencies::classes; ++i) {
        all.counts[i] = counts_[i].load(std::memory_order_relaxed);
    }
    all.total_ns = total_ns_.load(std::memory_order_relaxed);
    return all;
}

} // namespace deputyd
