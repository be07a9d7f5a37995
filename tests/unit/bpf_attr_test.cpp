// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bpf_cgroup_device/src/attr.hpp>
#include <deputy/testing/kit.hpp>

namespace
{

using namespace bpf_cgroup_device;
using namespace deputy::testing;

constexpr std::size_t kernel_size = 168;

/// A plugin that reads the attr of its call and says what it got.
class reader
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = nullptr;

    explicit reader(deputy::host) {}
    void register_handlers(deputy::registrar<reader> &r) { r.on<&reader::bpf>("bpf"); }
    deputy::answer bpf(deputy::call &call)
    {
        const auto a = read_attr(call, kernel_size);
        return a ? deputy::answer::value(a->u32(0)) : deputy::answer::failure(a.error_number());
    }
};

class bpf_attr : public testing::Test
{
protected:
    outcome read(std::uint64_t address, std::uint64_t size)
    {
        return plugin_.call("bpf", {0, address, size});
    }
    std::vector<std::byte> bytes(std::size_t size, std::size_t set_at = 0)
    {
        std::vector<std::byte> b(size);
        b[0] = std::byte{9};
        b[set_at] = std::byte{9};
        return b;
    }

    fake_host host_;
    fake_plugin plugin_{host_, table_of<reader>()};
};

TEST_F(bpf_attr, size_rules_are_the_kernels)
{
    struct row {
        const char *what;
        std::size_t mapped, size, set_at;
        int error;
        int value;
    };
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const row rows[] = {
        {"four bytes", 4, 4, 0, 0, 9},
        {"two bytes: the rest is zero", 2, 2, 0, 0, 9},
        {"all that the kernel knows", kernel_size, kernel_size, 0, 0, 9},
        {"more, but zero", page, page, 0, 0, 9},
        {"one byte more, not zero", kernel_size + 1, kernel_size + 1, kernel_size, E2BIG, 0},
        {"last byte of a page not zero", page, page, page - 1, E2BIG, 0},
        {"more than a page", page + 1, page + 1, 0, E2BIG, 0},
        {"partly mapped", 100, 120, 0, EFAULT, 0},
        {"tail not mapped", kernel_size, kernel_size + 8, 0, EFAULT, 0},
    };
    for (const row &r : rows) {
        const auto got = read(host_.map(bytes(r.mapped, r.set_at)), r.size);
        EXPECT_EQ(got.error, r.error) << r.what;
        EXPECT_EQ(got.value, r.value) << r.what;
    }
}

TEST_F(bpf_attr, null_is_a_fault_unless_nothing_is_read)
{
    EXPECT_EQ(read(0, 120).error, EFAULT);
    const auto nothing = read(0, 0);
    EXPECT_EQ(nothing.error, 0);
    EXPECT_EQ(nothing.value, 0);
}

TEST_F(bpf_attr, the_upper_half_of_the_size_is_ignored)
{
    EXPECT_EQ(read(host_.map(bytes(4)), 0xdeadbeef00000004).value, 9);
}

TEST_F(bpf_attr, a_caller_that_is_gone_is_reported)
{
    const auto address = host_.map(bytes(4));
    host_.failing = -ESRCH;
    EXPECT_EQ(read(address, 4).error, ESRCH);
}

TEST(bpf_attr_fields, zero_from_looks_at_every_byte)
{
    attr a(0, 64);
    EXPECT_TRUE(a.zero_from(0));
    a.data()[attr::capacity - 1] = std::byte{1};
    EXPECT_FALSE(a.zero_from(64));
    EXPECT_TRUE(a.holds(60, 4));
    EXPECT_FALSE(a.holds(61, 4));
}

} // namespace
