// SPDX-License-Identifier: Apache-2.0
// bpf() by other ways than the usual one: other architectures' numbers, garbage in the upper halves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

command on_a_cgroup(const std::string &name)
{
    return {"/bin/sh", "-c", "mkdir /sys/fs/cgroup/one && exec " + client(name) + " /sys/fs/cgroup/one"};
}

TEST(foreign_calls, of_i386_are_served_and_those_of_x32_are_not_there)
{
    const outcome o = run(device_container({}, on_a_cgroup("foreign_arch")));
    EXPECT_EQ(o.out,
              "i386.load ok\ni386.attach ok\ni386.query ok\ni386.programs 1\ni386.by_id ok\n"
              "i386.link EPERM\ni386.detach ok\n"
              "x32.load ENOSYS\nx32.attach ENOSYS\nx32.query ENOSYS\nx32.programs 0\nx32.by_id ENOSYS\n"
              "x32.link ENOSYS\nx32.detach ENOSYS\n")
        << o.err;
}

TEST(foreign_calls, with_garbage_in_upper_halves_are_decided_as_the_kernel_would_read_them)
{
    const outcome o = run(device_container({}, on_a_cgroup("upper_half")));
    std::string expected;
    for (int i = 0; i < 5; ++i) {
        const std::string n = "." + std::to_string(i);
        expected += "load" + n + " ok\nattach" + n + " ok\nquery" + n + " ok\nprograms" + n + " 1\ndetach" +
                    n + " ok\nlink" + n + " EPERM\n";
    }
    EXPECT_EQ(o.out, expected) << o.err;
}

TEST(foreign_calls, of_a_container_without_the_plugin_are_the_kernels)
{
    const outcome o = run(plain_container({}, on_a_cgroup("upper_half")));
    EXPECT_EQ(values(o.out)["load.0"], "EPERM") << o.err;
    EXPECT_EQ(values(o.out)["load.2"], "EPERM");
}

} // namespace
} // namespace deputyd::test
