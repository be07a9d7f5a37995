// SPDX-License-Identifier: Apache-2.0
// Containers that come and go leave nothing in the daemon.
#include <gtest/gtest.h>

#include "support/daemon.hpp"
#include "support/oci_runtime.hpp"
#include "support/private_mounts.hpp"

namespace deputyd::test
{
namespace
{

constexpr const char *config = R"(
[policy.nested.enable]
bpf_cgroup_device = true
)";

class runtime_growth : public testing::Test
{
protected:
    /// Runs a container to its end; it makes one call. One in ten of them loads a program, for a kernel that
    /// is flooded with loads comes to a halt.
    void live(int number)
    {
        const std::string name = "deputy-test-" + std::to_string(getpid()) + "-" + std::to_string(number);
        const auto bundle = scratch_.path() / "bundle";
        auto config_json = config_;
        config_json["linux"]["cgroupsPath"] = "/" + name;
        config_json["process"]["args"] = {"/bin/device_client", "cgroup=/sys/fs/cgroup",
                                          number % 10 == 0 ? "load=allow" : "query"};
        write_text(bundle / "config.json", config_json.dump());
        const outcome o = run({"runc", "--root", scratch_.path() / "state", "run", "--bundle", bundle, name});
        ASSERT_EQ(o.status, 0) << o.err << daemon_.log();
        ASSERT_EQ(o.out, std::string("cgroup=/sys/fs/cgroup ok\n") +
                             (number % 10 == 0 ? "load=allow ok\n" : "query 0\n"));
    }
    /// Until the daemon has seen the end of all.
    void settle(int containers)
    {
        const auto gone = [this] {
            const std::string log = daemon_.log();
            int count = 0;
            for (auto at = log.find(": gone\n"); at != log.npos; at = log.find(": gone\n", at + 1)) {
                ++count;
            }
            return count;
        };
        ASSERT_TRUE(wait_until([&] { return gone() == containers; })) << gone() << " of " << containers;
    }
    void SetUp() override
    {
        std::filesystem::create_directory(scratch_.path() / "bundle");
        std::filesystem::create_directory(shop_.control("any"));
        const oci_runtime writer(shop_, "runc", oci_runtime::selects::by_metadata);
        config_ = writer.config("any", "nested", {});
    }

    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_{scratch_.path(), config};
    workshop shop_{scratch_.path(), daemon_.socket("oci.sock"), daemon_.socket("lxc.sock")};
    nlohmann::json config_;
};

TEST_F(runtime_growth, two_hundred_containers_leave_nothing_in_keeper_and_host)
{
    constexpr int warm_ups = 20, containers = 200;
    for (int i = 0; i < warm_ups; ++i) {
        ASSERT_NO_FATAL_FAILURE(live(i));
    }
    ASSERT_NO_FATAL_FAILURE(settle(warm_ups));
    const holdings host = daemon_.of_host(), keeper = daemon_.of_keeper();
    for (int i = 0; i < containers; ++i) {
        ASSERT_NO_FATAL_FAILURE(live(warm_ups + i));
    }
    ASSERT_NO_FATAL_FAILURE(settle(warm_ups + containers));

    const auto no_more = [](const holdings &now, const holdings &then) {
        return now.descriptors <= then.descriptors && now.threads <= then.threads;
    };
    EXPECT_TRUE(wait_until([&] { return no_more(daemon_.of_host(), host); }))
        << daemon_.of_host().descriptors << " descriptors after " << host.descriptors << ", "
        << daemon_.of_host().threads << " threads after " << host.threads;
    EXPECT_TRUE(wait_until([&] { return no_more(daemon_.of_keeper(), keeper); }))
        << daemon_.of_keeper().descriptors << " descriptors after " << keeper.descriptors;
    // A page for each container would be 800 KiB. The rest is what an allocator may hold back: threads come
    // and go, and each new one may get another arena, of which it touches some pages.
    constexpr std::size_t allowance = 512;
    EXPECT_LE(daemon_.of_host().memory, host.memory + allowance);
    EXPECT_LE(daemon_.of_keeper().memory, keeper.memory + allowance);
    std::cout << "host: " << host.memory << " KiB, then " << daemon_.of_host().memory
              << "; keeper: " << keeper.memory << " KiB, then " << daemon_.of_keeper().memory << '\n';
}

} // namespace
} // namespace deputyd::test
