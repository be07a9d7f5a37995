// SPDX-License-Identifier: Apache-2.0
#include "profile/cube.hpp"

#include <gtest/gtest.h>

#include <random>

namespace
{

using deputyd::profile::at_least;
using deputyd::profile::cube;
using deputyd::profile::cubes;
using deputyd::profile::equal_to;
using deputyd::profile::from_predicates;
using deputyd::profile::intersect;
using deputyd::profile::less_than;
using deputyd::profile::subtract;

using arguments = std::array<std::uint64_t, 6>;

int holders(const cubes &all, const arguments &a)
{
    int n = 0;
    for (const cube &c : all) {
        n += c.contains(a) ? 1 : 0;
    }
    return n;
}

TEST(ProfileCube, complement_of_commands_is_exact_and_without_overlap)
{
    cubes commands;
    for (const std::uint32_t command : {5U, 8U, 9U, 13U, 28U}) {
        const deputy_predicate p = {0, 32, DEPUTY_OP_EQ, 0, command, 0};
        commands.push_back(*from_predicates({&p, 1}));
    }
    const cubes rest = subtract({cube{}}, commands);
    EXPECT_LT(rest.size(), 60U);
    for (std::uint64_t command = 0; command < 4096; ++command) {
        for (const std::uint64_t upper : {0ULL, 1ULL << 32, 0xffffffffULL << 32}) {
            const arguments a = {command | upper};
            EXPECT_EQ(holders(rest, a), holders(commands, a) == 0 ? 1 : 0) << command;
        }
    }
}

TEST(ProfileCube, complement_of_several_arguments_is_exact)
{
    cube a;
    a.mask[0] = 0xf000;
    a.value[0] = 0x2000;
    a.mask[2] = 0xff;
    a.value[2] = 0x81;
    const cube b = equal_to(1, 7);
    const cubes rest = subtract({cube{}}, {a, b});
    std::mt19937_64 random(7);
    for (int i = 0; i < 100'000; ++i) {
        arguments args = {random() & 0x3fff, random() & 0xf, random() & 0xff};
        args[2] = (i % 3) == 0 ? 0x81 : args[2];
        const bool taken = a.contains(args) || b.contains(args);
        ASSERT_EQ(holders(rest, args), taken ? 0 : 1);
    }
}

TEST(ProfileCube, ranges_are_exact)
{
    for (const std::uint64_t least :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{6}, std::uint64_t{256}, ~std::uint64_t{0}}) {
        const cubes range = at_least(3, least);
        for (const std::uint64_t v :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{5}, std::uint64_t{6}, std::uint64_t{255},
              std::uint64_t{256}, std::uint64_t{1} << 63, ~std::uint64_t{0} - 1, ~std::uint64_t{0}}) {
            EXPECT_EQ(holders(range, {0, 0, 0, v}), v >= least ? 1 : 0) << least << " " << v;
            EXPECT_EQ(holders(less_than(3, least), {0, 0, 0, v}), v < least ? 1 : 0) << least << " " << v;
        }
    }
}

TEST(ProfileCube, predicates_that_cannot_hold_have_no_calls)
{
    const deputy_predicate never = {0, 32, DEPUTY_OP_MASKED_EQ, 0, 2, 1};
    EXPECT_FALSE(from_predicates({&never, 1}));
}

TEST(ProfileCube, the_upper_half_of_a_32_bit_parameter_does_not_count)
{
    const deputy_predicate p = {1, 32, DEPUTY_OP_EQ, 0, 5, 0};
    const auto calls = from_predicates({&p, 1});
    ASSERT_TRUE(calls);
    EXPECT_TRUE(calls->contains({0, 0xdeadbeef00000005}));
    const deputy_predicate wide = {1, 64, DEPUTY_OP_EQ, 0, 5, 0};
    EXPECT_FALSE(from_predicates({&wide, 1})->contains({0, 0xdeadbeef00000005}));
}

TEST(ProfileCube, refuses_what_takes_too_many_rules)
{
    cubes scattered;
    for (std::uint64_t i = 0; i < 200; ++i) {
        scattered.push_back(equal_to(0, i * 0x9e3779b97f4a7c15));
    }
    EXPECT_THROW(subtract({cube{}}, scattered), std::runtime_error);
}

} // namespace
