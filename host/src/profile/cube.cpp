// SPDX-License-Identifier: Apache-2.0
#include "profile/cube.hpp"

#include <algorithm>
#include <stdexcept>

namespace deputyd::profile
{
namespace
{

constexpr std::size_t most_cubes = 1000;

/// Appends a without b, in one piece for each bit that b fixes and a leaves free: those that agree with b in
/// the bits before it and differ in this one. From the top bit down the pieces are ranges of numbers.
void subtract_one(const cube &a, const cube &b, cubes &out)
{
    if (!intersect(a, b)) {
        out.push_back(a);
        return;
    }
    cube rest = a;
    for (std::size_t argument = 0; argument < 6; ++argument) {
        for (std::uint64_t bit = std::uint64_t{1} << 63; bit != 0; bit >>= 1) {
            if ((b.mask[argument] & ~a.mask[argument] & bit) == 0) {
                continue;
            }
            rest.mask[argument] |= bit;
            rest.value[argument] |= ~b.value[argument] & bit;
            out.push_back(rest);
            rest.value[argument] ^= bit;
        }
    }
}

/// Values that are v above a bit and differ from it in this one.
cube first_difference(unsigned argument, std::uint64_t v, std::uint64_t bit)
{
    cube c;
    c.mask[argument] = ~(bit - 1);
    c.value[argument] = (v & ~(bit - 1)) ^ bit;
    return c;
}

} // namespace

bool cube::contains(const std::array<std::uint64_t, 6> &args) const
{
    for (std::size_t i = 0; i < 6; ++i) {
        if ((args[i] & mask[i]) != value[i]) {
            return false;
        }
    }
    return true;
}

std::optional<cube> intersect(const cube &a, const cube &b)
{
    cube both;
    for (std::size_t i = 0; i < 6; ++i) {
        if (((a.value[i] ^ b.value[i]) & a.mask[i] & b.mask[i]) != 0) {
            return std::nullopt;
        }
        both.mask[i] = a.mask[i] | b.mask[i];
        both.value[i] = a.value[i] | b.value[i];
    }
    return both;
}

bool overlap(const cubes &a, const cubes &b)
{
    return std::any_of(a.begin(), a.end(), [&](const cube &x) {
        return std::any_of(b.begin(), b.end(), [&](const cube &y) { return intersect(x, y).has_value(); });
    });
}

bool has_upper_half(const cube &c)
{
    return std::any_of(c.value.begin(), c.value.end(), [](std::uint64_t v) { return (v >> 32) != 0; });
}

cubes subtract(const cubes &from, const cubes &what)
{
    cubes rest = from;
    for (const cube &w : what) {
        cubes next;
        for (const cube &c : rest) {
            subtract_one(c, w, next);
        }
        if (next.size() > most_cubes) {
            throw std::runtime_error("the calls that no handler wants take more than 1,000 rules to say");
        }
        rest = std::move(next);
    }
    return rest;
}

cube equal_to(unsigned argument, std::uint64_t v)
{
    cube c;
    c.mask[argument] = ~std::uint64_t{0};
    c.value[argument] = v;
    return c;
}

cubes at_least(unsigned argument, std::uint64_t v)
{
    cubes all = {equal_to(argument, v)};
    for (std::uint64_t bit = 1; bit != 0; bit <<= 1) {
        if ((v & bit) == 0) {
            all.push_back(first_difference(argument, v, bit));
        }
    }
    return all;
}

cubes less_than(unsigned argument, std::uint64_t v)
{
    cubes all;
    for (std::uint64_t bit = 1; bit != 0; bit <<= 1) {
        if ((v & bit) != 0) {
            all.push_back(first_difference(argument, v, bit));
        }
    }
    return all;
}

std::optional<cube> from_predicates(std::span<const deputy_predicate> predicates)
{
    cube all;
    for (const deputy_predicate &p : predicates) {
        const std::uint64_t width = p.width == 32 ? 0xffffffff : ~std::uint64_t{0};
        cube one;
        one.mask[p.argument] = (p.op == DEPUTY_OP_MASKED_EQ ? p.mask : ~std::uint64_t{0}) & width;
        one.value[p.argument] = p.value & width;
        if ((one.value[p.argument] & ~one.mask[p.argument]) != 0) {
            return std::nullopt;
        }
        const std::optional<cube> both = intersect(all, one);
        if (!both) {
            return std::nullopt;
        }
        all = *both;
    }
    return all;
}

} // namespace deputyd::profile
