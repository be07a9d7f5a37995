// SPDX-License-Identifier: Apache-2.0
// What operators change and ask while containers of a real runtime make real calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/daemon.hpp"
#include "support/oci_runtime.hpp"
#include "support/private_mounts.hpp"
#include "support/process.hpp"
#include "support/served_container.hpp"

namespace deputyd::test
{
namespace
{

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char *config = R"(
[policy.files]
enable.mknod = true
plugin.mknod.nodev = "bind"

[policy.watched]
inherit = "files"
mode = "observe"
)";

/// Makes a node in the container's /dev.
std::string make(const std::string &name)
{
    return "cd /dev && busybox mknod " + name + " c 1 3 && busybox stat -c '%F %t:%T' " + name;
}
constexpr const char *refused = ": Operation not permitted\n", *made = "character special file 1:3\n";

class runtime_rules : public testing::Test
{
protected:
    void TearDown() override
    {
        if (HasFailure()) {
            std::cerr << daemon_.log();
        }
    }
    served_container container(const std::string &policy)
    {
        return {runc_, shop_, "deputy-test-" + std::to_string(getpid()) + "-" + policy, policy};
    }
    std::string deputy(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), DEPUTY_BIN_DIR "/deputy");
        arguments.insert(arguments.end(), {"--control", daemon_.socket("control.sock").string()});
        const outcome o = run(arguments);
        EXPECT_EQ(o.status, 0) << o.err;
        return o.out;
    }

    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_{scratch_.path(), config};
    workshop shop_{scratch_.path(), daemon_.socket("oci.sock"), daemon_.socket("lxc.sock"), {"mknod"}};
    oci_runtime runc_{shop_, "runc", oci_runtime::selects::by_metadata};
};

TEST_F(runtime_rules, a_handler_is_turned_off_and_on_under_a_running_container)
{
    served_container c = container("files");
    EXPECT_THAT(c.tell(make("first")), HasSubstr(made));
    deputy({"disable", "files", "mknod"});
    EXPECT_THAT(c.tell(make("second")), AllOf(HasSubstr(refused), Not(HasSubstr(made))));
    EXPECT_THAT(deputy({"explain", "--policy", "files", "mknodat"}),
                AllOf(HasSubstr("off"), HasSubstr("deputy disable")));
    EXPECT_THAT(deputy({"enable", "files", "mknod"}), Not(HasSubstr("was off when")));
    EXPECT_THAT(c.tell(make("third")), HasSubstr(made));
}

TEST_F(runtime_rules, an_observed_container_gets_what_it_gets_without_deputy)
{
    served_container c = container("watched");
    EXPECT_THAT(c.tell(make("first")), AllOf(HasSubstr(refused), Not(HasSubstr(made))));
    EXPECT_THAT(c.tell("cd /dev && busybox mknod n b 8 0"), HasSubstr(refused));
    // A call is told of a moment after its caller goes on.
    EXPECT_TRUE(wait_until([&] { return daemon_.logged(R"("verdict":"would be granted")"); }));
    nlohmann::json handlers;
    EXPECT_TRUE(wait_until([&] {
        handlers = nlohmann::json::parse(deputy({"stats", "--json"}))["handlers"];
        return handlers.size() == 1 && handlers[0]["calls"] == 2;
    }));
    EXPECT_EQ(handlers[0]["endings"]["observed"], 1) << handlers;
    EXPECT_EQ(handlers[0]["endings"]["continued"], 1) << "what is not listed is the kernel's " << handlers;
}

} // namespace
} // namespace deputyd::test
