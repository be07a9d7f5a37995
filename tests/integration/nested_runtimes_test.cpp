// SPDX-License-Identifier: Apache-2.0
// Debian's runc and LXC, as they are, with device rules inside an unprivileged container: enforced with the
// plugin, silently not enforced without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Pair;

const std::string here = DEPUTY_SOURCE_DIR "/tests/integration/nested";

/// Nodes that anyone may open: what refuses is the device program alone.
class nested_runtimes : public testing::Test
{
protected:
    nested_runtimes()
    {
        nodes_.add_device("null", 1, 3);
        nodes_.add_device("zero", 1, 5);
        nodes_.add_device("urandom", 1, 9);
        nodes_.add_device("kmsg", 1, 11);
    }
    outcome run_inside(bool with_plugin, const command &inside)
    {
        return run(container(
            with_plugin,
            {"--bind", nodes_.path().string() + ":/run/nodes", "--bind", here + ":/run/nested:ro"}, inside));
    }
    scratch_directory nodes_;
};

TEST_F(nested_runtimes, rules_of_runc_are_enforced_with_the_plugin)
{
    const outcome o = run_inside(
        true, {"/run/nested/runc", "one", "/one", "/run/nodes", "null", "zero", "urandom", "kmsg"});
    EXPECT_EQ(o.status, 0) << o.err;
    // runc always adds null, zero, full, random, urandom and tty to what a profile allows.
    EXPECT_THAT(values(o.out), IsSupersetOf({Pair("null", "allowed"), Pair("zero", "allowed"),
                                             Pair("urandom", "allowed"), Pair("kmsg", "refused")}))
        << o.err;
}

TEST_F(nested_runtimes, rules_of_runc_are_not_enforced_without_the_plugin)
{
    const outcome o = run_inside(
        false, {"/run/nested/runc", "one", "/one", "/run/nodes", "null", "zero", "urandom", "kmsg"});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(values(o.out), IsSupersetOf({Pair("null", "allowed"), Pair("kmsg", "allowed")})) << o.err;
}

/// The parts of runc-replace's output.
std::string part(const std::string &text, const std::string &from, const std::string &to)
{
    const auto begin = text.find(from + "\n");
    const auto end = text.find(to + "\n");
    return begin == std::string::npos ? "" : text.substr(begin, end == std::string::npos ? end : end - begin);
}

TEST_F(nested_runtimes, a_second_container_of_runc_replaces_the_rules_of_the_first)
{
    const outcome o = run_inside(
        true, {"/run/nested/runc-replace", "/run/nested", "/run/clients", "/run/nodes", "null", "kmsg"});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(values(part(o.out, "before", "second")),
                IsSupersetOf({Pair("query", "1"), Pair("null", "allowed"), Pair("kmsg", "refused")}))
        << o.out << o.err;
    EXPECT_THAT(values(part(o.out, "after", "end")),
                IsSupersetOf({Pair("query", "1"), Pair("null", "allowed"), Pair("kmsg", "allowed")}))
        << o.out << o.err;
}

TEST_F(nested_runtimes, rules_of_lxc_are_enforced_with_the_plugin)
{
    const outcome o = run_inside(true, {"/run/nested/lxc", "/run/nodes", "null", "zero", "urandom", "kmsg"});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(values(o.out), IsSupersetOf({Pair("null", "allowed"), Pair("zero", "refused"),
                                             Pair("urandom", "refused"), Pair("kmsg", "refused")}))
        << o.err;
    EXPECT_THAT(o.err, Not(HasSubstr("bpf"))) << "LXC complains";
}

TEST_F(nested_runtimes, rules_of_lxc_are_not_enforced_without_the_plugin)
{
    const outcome o = run_inside(false, {"/run/nested/lxc", "/run/nodes", "null", "zero", "urandom", "kmsg"});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(values(o.out),
                IsSupersetOf({Pair("null", "allowed"), Pair("zero", "allowed"), Pair("kmsg", "allowed")}))
        << o.err;
}

} // namespace
} // namespace deputyd::test
