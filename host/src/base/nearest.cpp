// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace deputyd
{
namespace
{

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
        }
    }
    return row.back();
}

} // namespace

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates)
{
    const std::string *best = nullptr;
    std::size_t least = name.size() / 3 + 2;
    for (const auto &c : candidates) {
        if (const std::size_t d = distance(name, c); d < least) {
            least = d;
            best = &c;
        }
    }
    return best == nullptr ? "" : "; did you mean " + *best + "?";
}

std::string nearest_of(std::string_view name, std::span<const std::string> candidates, std::string_view lead)
{
    const std::string hint = did_you_mean(name, candidates);
    return fmt::format("{} {}: {}", hint.empty() ? "." : hint, lead, fmt::join(candidates, ", "));
}

} // namespace deputyd
