// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <deputy/plugin.h>

namespace deputyd::profile
{

/// A set of argument lists of a system call: those whose bits under mask are value, in each of the six
/// arguments. Exactly what one seccomp rule with at most one masked comparison an argument can say, so any
/// set that is a union of cubes can be written down in a profile without error.
struct cube {
    std::array<std::uint64_t, 6> mask{};  ///< bits that count; all zero: every argument list
    std::array<std::uint64_t, 6> value{}; ///< no bit outside mask

    bool is_everything() const { return mask == std::array<std::uint64_t, 6>{}; }
    bool contains(const std::array<std::uint64_t, 6> &args) const;
    bool operator==(const cube &) const = default;
};

/// A union of cubes; empty: no argument list.
using cubes = std::vector<cube>;

/// Argument lists in both. @return nothing if there are none.
std::optional<cube> intersect(const cube &a, const cube &b);
bool overlap(const cubes &a, const cubes &b);

/// Whether it has only argument lists with bits in an upper half, which 32-bit architectures do not have.
bool has_upper_half(const cube &c);

/// Argument lists in from and not in what, as cubes that do not overlap where those of from do not.
/// @throw std::runtime_error if that takes more rules than a filter should have (1,000).
cubes subtract(const cubes &from, const cubes &what);

/// One argument's values: equal to v, at least v, less than v; at most 64 cubes that do not overlap.
/// @param argument 0 to 5.
cube equal_to(unsigned argument, std::uint64_t v);
cubes at_least(unsigned argument, std::uint64_t v);
cubes less_than(unsigned argument, std::uint64_t v);

/// What a handler's predicates let through; of a 32-bit parameter the upper half does not count, as in the
/// kernel. @return nothing if no argument list satisfies them.
std::optional<cube> from_predicates(std::span<const deputy_predicate> predicates);

} // namespace deputyd::profile
