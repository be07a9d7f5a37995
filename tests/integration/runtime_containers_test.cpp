// SPDX-License-Identifier: Apache-2.0
// Containers that real runtimes start, with profiles of "deputy profile", before a real deputyd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/containerd_runtime.hpp"
#include "support/daemon.hpp"
#include "support/lxc_runtime.hpp"
#include "support/oci_runtime.hpp"
#include "support/podman_runtime.hpp"
#include "support/private_mounts.hpp"
#include "support/served_container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

constexpr const char *config = R"(
[policy.wide.enable]
bpf_cgroup_device = true

[policy.tight]
inherit = "wide"
[policy.tight.plugin.bpf_cgroup_device]
programs = 1

[[socket]]
path = "oci.sock"
protocol = "oci"
policies = ["wide", "tight"]

[[socket]]
path = "lxc.sock"
protocol = "lxc"
policies = ["wide", "tight"]
)";

struct kind {
    const char *name;
    std::unique_ptr<container_runtime> (*make)(const workshop &);
};

void PrintTo(const kind &k, std::ostream *out)
{
    *out << k.name;
}

const kind kinds[] = {
    {"runc",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<oci_runtime>(w, "runc", oci_runtime::selects::by_metadata);
     }},
    {"crun",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<oci_runtime>(w, "crun", oci_runtime::selects::by_annotation);
     }},
    {"podman_crun",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<podman_runtime>(w, "crun");
     }},
    {"podman_runc",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<podman_runtime>(w, "runc");
     }},
    {"containerd",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<containerd_runtime>(w);
     }},
    {"lxc",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<lxc_runtime>(w);
     }},
};

class runtime_containers : public testing::TestWithParam<kind>
{
protected:
    runtime_containers()
        : daemon_(scratch_.path(), config),
          shop_(scratch_.path(), daemon_.socket("oci.sock"), daemon_.socket("lxc.sock")),
          runtime_(GetParam().make(shop_))
    {
    }
    void TearDown() override
    {
        if (HasFailure()) {
            std::cerr << daemon_.log();
        }
    }
    /// No other process of this machine uses it.
    static std::string name(const std::string &word)
    {
        return "deputy-test-" + std::to_string(getpid()) + "-" + word;
    }
    std::unique_ptr<served_container> start(const std::string &word, const std::string &policy)
    {
        return std::make_unique<served_container>(*runtime_, shop_, name(word), policy);
    }

    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_;
    workshop shop_;
    std::unique_ptr<container_runtime> runtime_;
};

/// Denies /dev/null below the container's own cgroup, and tries it before and after going there.
std::string deny_null_in(const std::string &word)
{
    return "own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); device_client cgroup=$own/" + word +
           " load=deny:1:3 attach=0,2 open=/dev/null say=within enter open=/dev/null open=/dev/zero";
}

const auto null_is_denied =
    testing::AllOf(HasSubstr("load=deny:1:3 ok\nattach=0,2 ok\nopen=/dev/null ok\nsay=within ok\n"),
                   HasSubstr("enter ok\nopen=/dev/null EPERM\nopen=/dev/zero ok\n"));

TEST_P(runtime_containers, device_programs_are_enforced_for_init_and_for_exec)
{
    const auto c = start("one", "wide");
    EXPECT_THAT(c->tell(deny_null_in("init")), null_is_denied);
    const outcome o = c->exec(deny_null_in("exec"));
    EXPECT_THAT(o.out, null_is_denied) << o.err;
    EXPECT_EQ(o.status, 0);
    EXPECT_THAT(c->tell(deny_null_in("again")), null_is_denied); // the end of an exec ends nothing else
}

TEST_P(runtime_containers, two_at_once_have_policies_of_their_own)
{
    const auto wide = start("wide", "wide");
    const auto tight = start("tight", "tight");
    const std::string two_programs = "device_client load=allow load=deny";
    EXPECT_THAT(tight->tell(two_programs), HasSubstr("load=allow ok\nload=deny ENOMEM\n"));
    EXPECT_THAT(wide->tell(two_programs), HasSubstr("load=allow ok\nload=deny ok\n"));
    const outcome o = tight->exec(two_programs);
    EXPECT_THAT(o.out, HasSubstr("load=allow ok\nload=deny ENOMEM\n")) << o.err;
}

TEST_P(runtime_containers, everything_is_released_when_a_container_stops)
{
    const auto live_and_stop = [this](const std::string &word) {
        const auto c = start(word, "wide");
        EXPECT_THAT(c->tell(deny_null_in("init")), null_is_denied);
        EXPECT_THAT(c->exec(deny_null_in("exec")).out, null_is_denied);
        EXPECT_GT(daemon_.of_keeper().descriptors, 0U);
        const std::string gone = c->logged_name() + ": gone";
        EXPECT_FALSE(daemon_.logged(gone));
        c->stop();
        EXPECT_TRUE(wait_until([&] { return daemon_.logged(gone); })) << gone;
    };
    live_and_stop("first"); // what the daemon makes once and keeps
    const auto left = [this] {
        const holdings k = daemon_.of_keeper(), h = daemon_.of_host();
        return std::vector{k.descriptors, k.threads, h.descriptors, h.threads};
    };
    std::vector<std::size_t> before;
    EXPECT_TRUE(wait_until([&] { return std::exchange(before, left()) == before; }));
    live_and_stop("second");
    EXPECT_TRUE(wait_until([&] { return left() == before; }))
        << testing::PrintToString(left()) << " after " << testing::PrintToString(before);
}

TEST_P(runtime_containers, calls_wait_for_the_next_host_when_one_is_killed)
{
    const auto c = start("one", "wide");
    EXPECT_THAT(c->tell("device_client load=allow"), HasSubstr("load=allow ok\n"));
    for (int i = 0; i < 3; ++i) {
        const pid_t killed = daemon_.host();
        daemon_.kill_host();
        // It prints all at the end: has_answer() is then about the calls.
        c->send("said=$(" + deny_null_in("after" + std::to_string(i)) + "); echo \"$said\"");
        EXPECT_TRUE(wait_until([&] { return c->threads_in(SYS_bpf) == 1; })) << "no call is made";
        EXPECT_FALSE(c->has_answer());
        daemon_.resume();
        EXPECT_THAT(c->answer(), null_is_denied);
        EXPECT_NE(daemon_.host(), killed);
    }
    EXPECT_THAT(c->exec(deny_null_in("exec")).out, null_is_denied);
}

INSTANTIATE_TEST_SUITE_P(of, runtime_containers, testing::ValuesIn(kinds),
                         [](const auto &parameter) { return std::string(parameter.param.name); });

} // namespace
} // namespace deputyd::test
