// SPDX-License-Identifier: Apache-2.0
// mknod and open in containers of real runtimes, before a real deputyd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/daemon.hpp"
#include "support/lxc_runtime.hpp"
#include "support/oci_runtime.hpp"
#include "support/private_mounts.hpp"
#include "support/served_container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

constexpr const char *config = R"(
[policy.files.enable]
mknod = true
open = true
[policy.files.plugin.mknod]
nodev = "bind"
[policy.files.plugin.open]
rules = [{ path = "/granted", from = "host", to = "/proc/version", access = "ro" }]

[[socket]]
path = "oci.sock"
protocol = "oci"
policies = ["files"]

[[socket]]
path = "lxc.sock"
protocol = "lxc"
policies = ["files"]
)";

class runtime_files : public testing::Test
{
protected:
    void TearDown() override
    {
        if (HasFailure()) {
            std::cerr << daemon_.log();
        }
    }
    [[nodiscard]] workshop shop(const std::vector<std::string> &plugins) const
    {
        return {scratch_.path(), daemon_.socket("oci.sock"), daemon_.socket("lxc.sock"), plugins};
    }
    /// What a container says to this.
    static std::string told(const workshop &shop, container_runtime &runtime, const std::string &line)
    {
        const std::string name = "deputy-test-" + std::to_string(getpid()) + "-files";
        return served_container(runtime, shop, name, "files").tell(line);
    }

    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_{scratch_.path(), config};
};

// In the /dev that the runtime has mounted.
constexpr const char *make_nodes = "cd /dev && busybox mknod n c 1 3 && echo lost >n && "
                                   "busybox stat -c '%F %t:%T' n; busybox mknod none c 1 1";

const auto listed_ones_alone = testing::AllOf(HasSubstr("character special file 1:3\n"),
                                              HasSubstr("mknod: none: Operation not permitted\n"));

TEST_F(runtime_files, nodes_are_made_and_files_opened_in_runc)
{
    const workshop w = shop({"mknod", "open"});
    oci_runtime runc(w, "runc", oci_runtime::selects::by_metadata);
    const std::string got = told(w, runc, std::string(make_nodes) + "; busybox cat /granted /none");
    EXPECT_THAT(got, listed_ones_alone);
    EXPECT_THAT(got, HasSubstr("\nLinux version "));
    EXPECT_THAT(got, HasSubstr("cat: can't open '/none': No such file or directory\n"));
}

TEST_F(runtime_files, nodes_are_made_in_lxc)
{
    const workshop w = shop({"mknod"}); // with open it does not start: deputy-plugin-open(8)
    lxc_runtime lxc(w);
    EXPECT_THAT(told(w, lxc, make_nodes), listed_ones_alone);
}

} // namespace
} // namespace deputyd::test
