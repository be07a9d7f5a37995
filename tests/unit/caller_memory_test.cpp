// SPDX-License-Identifier: Apache-2.0
// The caller's memory, with the kernel's own rules.
#include <array>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "caller/caller_table.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using deputyd::caller_table;

/// The last readable page before a hole, at the same address in the child.
class caller_memory : public testing::Test
{
protected:
    static constexpr std::size_t page = 4096;

    void SetUp() override
    {
        void *p = ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(p, MAP_FAILED);
        start_ = static_cast<char *>(p);
        // Memory that is not there; unmapped, somebody else's mapping might take its place.
        ASSERT_EQ(::mprotect(start_ + 2 * page, page, PROT_NONE), 0);
        end_ = start_ + 2 * page;
    }
    void TearDown() override { ::munmap(start_, 3 * page); }

    /// Runs check in a handler; the child has the memory as it is now.
    void in_handler(const std::function<void(deputy_call *)> &check, const std::function<int()> &after = {})
    {
        functional_plugin plugin;
        plugin.on(1, [&](auto *c, const auto &, auto &a) {
            check(c);
            return reply(a, 0);
        });
        supervised child([&] {
            const int r = static_cast<int>(call(1));
            return r != 0 || !after ? r : after();
        });
        deputyd::host h({});
        h.serve(container(1), plugin.table(), child.take_listener());
        EXPECT_EQ(child.run(), 0);
    }

    char *start_ = nullptr;
    char *end_ = nullptr;
};

TEST_F(caller_memory, is_read_whole_or_not_at_all)
{
    std::memset(start_, 'x', 2 * page);
    in_handler([&](auto *c) {
        std::array<char, 2 * page> buffer{};
        EXPECT_EQ(caller_table.read(c, address(start_), buffer.data(), buffer.size()), 0);
        EXPECT_EQ(buffer.back(), 'x');
        EXPECT_EQ(caller_table.read(c, address(end_ - 1), buffer.data(), 1), 0);
        EXPECT_EQ(caller_table.read(c, address(end_ - 1), buffer.data(), 2), -EFAULT);
        EXPECT_EQ(caller_table.read(c, address(end_), buffer.data(), 1), -EFAULT);
        EXPECT_EQ(caller_table.read(c, 0, buffer.data(), 1), -EFAULT);
        EXPECT_EQ(caller_table.read(c, ~std::uint64_t{0}, buffer.data(), 1), -EFAULT);
        EXPECT_EQ(caller_table.read(c, 0, buffer.data(), 0), 0);
    });
}

TEST_F(caller_memory, a_string_ends_at_its_nul_even_before_a_hole)
{
    std::memset(start_, 'x', 2 * page);
    std::memcpy(end_ - 4, "end", 4);
    std::memcpy(start_ + page - 3, "across", 7); // from one page to the next
    in_handler([&](auto *c) {
        std::array<char, page> buffer{};
        EXPECT_EQ(caller_table.read_string(c, address(end_ - 4), buffer.data(), buffer.size()), 3);
        EXPECT_STREQ(buffer.data(), "end");
        EXPECT_EQ(caller_table.read_string(c, address(start_ + page - 3), buffer.data(), buffer.size()), 6);
        EXPECT_STREQ(buffer.data(), "across");
        EXPECT_EQ(caller_table.read_string(c, address(end_ - 4), buffer.data(), 4), 3);
        EXPECT_EQ(caller_table.read_string(c, address(end_ - 4), buffer.data(), 3), -ENAMETOOLONG);
        EXPECT_EQ(caller_table.read_string(c, address(end_ - 4), buffer.data(), 0), -ENAMETOOLONG);
        EXPECT_EQ(caller_table.read_string(c, address(start_), buffer.data(), 64), -ENAMETOOLONG);
        EXPECT_EQ(caller_table.read_string(c, 0, buffer.data(), 64), -EFAULT);
    });
}

TEST_F(caller_memory, a_string_without_nul_before_a_hole_faults)
{
    std::memset(start_, 'x', 2 * page);
    in_handler([&](auto *c) {
        std::array<char, 64> buffer{};
        EXPECT_EQ(caller_table.read_string(c, address(end_ - 8), buffer.data(), buffer.size()), -EFAULT);
    });
}

TEST_F(caller_memory, a_struct_follows_the_rules_of_copy_struct_from_user)
{
    std::memset(start_, 0, 2 * page);
    std::memset(start_, 7, 16);  // 16 bytes, then zeros
    std::memset(end_ - 8, 7, 4); // 4 bytes, then 4 zeros, then the hole
    struct row {
        const char *what;
        const char *at;
        std::uint64_t user_size;
        std::uint64_t known_size;
        std::int32_t result;
    };
    const row rows[] = {
        {"same size", start_, 16, 16, 0},
        {"shorter in the caller", start_, 8, 16, 0},
        {"empty in the caller", start_, 0, 16, 0},
        {"longer, zero tail", start_, 64, 16, 0},
        {"longer, tail not zero", start_, 16, 8, -E2BIG},
        {"a whole page", start_, 4096, 16, 0},
        {"more than a page", start_, 4097, 16, -E2BIG},
        {"far more than a page", start_, ~std::uint64_t{0}, 16, -E2BIG},
        {"head in the hole", end_, 8, 16, -EFAULT},
        {"head into the hole", end_ - 8, 16, 16, -EFAULT},
        {"zero tail into the hole", end_ - 8, 16, 4, -EFAULT},
        {"tail not zero before the hole", end_ - 8, 16, 2, -E2BIG},
        {"NULL", nullptr, 8, 16, -EFAULT},
        {"NULL, empty", nullptr, 0, 16, 0},
        {"NULL, more than a page", nullptr, 8192, 16, -E2BIG},
    };
    in_handler([&](auto *c) {
        for (const row &r : rows) {
            std::array<unsigned char, 32> buffer;
            buffer.fill(0xaa);
            EXPECT_EQ(caller_table.read_struct(c, address(r.at), r.user_size, buffer.data(), r.known_size),
                      r.result)
                << r.what;
            if (r.result == 0) {
                const auto common = std::min(r.user_size, r.known_size);
                for (std::uint64_t i = 0; i < r.known_size; ++i) {
                    ASSERT_EQ(buffer[i], i < common ? 7 : 0) << r.what;
                }
            } else {
                EXPECT_EQ(buffer[0], 0xaa) << r.what;
            }
            EXPECT_EQ(buffer[r.known_size], 0xaa) << r.what;
        }
    });
}

TEST_F(caller_memory, a_tail_behind_a_hole_is_still_looked_at_first)
{
    // Head on an unreadable page, tail on a readable one.
    ASSERT_EQ(::mprotect(start_, page, PROT_NONE), 0);
    std::memset(start_ + page, 0, page);
    start_[page] = 1;
    in_handler([&](auto *c) {
        char buffer[8];
        EXPECT_EQ(caller_table.read_struct(c, address(start_ + page - 8), 16, buffer, 8), -E2BIG);
        EXPECT_EQ(caller_table.read_struct(c, address(start_ + page - 7), 15, buffer, 8), -EFAULT);
    });
}

TEST_F(caller_memory, is_written)
{
    in_handler(
        [&](auto *c) {
            EXPECT_EQ(caller_table.write(c, address(start_), "deputy", 7), 0);
            EXPECT_EQ(caller_table.write(c, address(end_ - 2), "deputy", 7), -EFAULT);
            EXPECT_EQ(caller_table.write(c, address(end_), "deputy", 7), -EFAULT);
            EXPECT_EQ(caller_table.write(c, 0, "deputy", 7), -EFAULT);
            EXPECT_EQ(caller_table.write(c, 0, nullptr, 0), 0);
        },
        [&] { return std::strcmp(start_, "deputy"); });
    EXPECT_EQ(start_[0], 0); // the child's only
}

TEST_F(caller_memory, that_is_read_only_is_not_written)
{
    ASSERT_EQ(::mprotect(start_, page, PROT_READ), 0);
    in_handler([&](auto *c) { EXPECT_EQ(caller_table.write(c, address(start_), "x", 1), -EFAULT); });
}

} // namespace
