// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "integration/daemon.hpp"
#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

class doctor : public testing::Test
{
protected:
    doctor() { std::ofstream(config()) << "[policy.some.enable]\nmknod = true\n"; }

    std::string config() const { return (directory_.path() / "deputy.toml").string(); }
    outcome look(const std::vector<std::string> &options = {},
                 const std::string &plugins = DEPUTY_PLUGINS_DIR)
    {
        std::vector<std::string> all = {DEPUTY_BIN_DIR "/deputy", "doctor",          "--config",     config(),
                                        "--socket-dir",           directory_.path(), "--plugin-dir", plugins};
        all.insert(all.end(), options.begin(), options.end());
        return run(all);
    }
    /// "STATE AREA WHAT", without the remedies.
    std::vector<std::string> findings(const outcome &o)
    {
        std::vector<std::string> all;
        for (const json &f : json::parse(o.out)) {
            all.push_back(f["state"].get<std::string>() + " " + f["area"].get<std::string>() + " " +
                          f["what"].get<std::string>());
            EXPECT_EQ(f["state"] == "good", f["remedy"] == "") << all.back();
        }
        return all;
    }

    scratch_directory directory_;
};

TEST_F(doctor, finds_what_is_here)
{
    const outcome o = look({"--json"});
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    const auto all = findings(o);
    EXPECT_THAT(all, Contains("good kernel seccomp notifier"));
    EXPECT_THAT(all, Contains("good kernel pidfd_getfd"));
    EXPECT_THAT(all, Contains("good kernel device programs of cgroups"));
    EXPECT_THAT(all, Contains(HasSubstr("good kernel waits that only a fatal signal ends")));
    EXPECT_THAT(all, Contains(HasSubstr("good cgroup cgroup2 at /sys/fs/cgroup")));
    EXPECT_THAT(all, Contains(HasSubstr("warning runtime runc 1.1")));
    EXPECT_THAT(all, Contains(HasSubstr("good runtime crun 1.8")));
    EXPECT_THAT(all, Contains(HasSubstr("good runtime podman 4.")));
    EXPECT_THAT(all, Contains(HasSubstr("good runtime containerd 1.6")));
    EXPECT_THAT(all, Contains(HasSubstr("good runtime LXC 5.")));
    EXPECT_THAT(all, Contains(AllOf(HasSubstr("warning deputyd"), HasSubstr("is deputyd running"))));
    EXPECT_THAT(all, Contains(HasSubstr("good configuration policies: ")));
    EXPECT_THAT(all, Contains(HasSubstr("good plugin mknod ")));
}

TEST_F(doctor, prints_a_remedy_below_each_finding_that_is_not_good)
{
    const std::string text = look().out;
    EXPECT_THAT(text, testing::ContainsRegex("good +kernel +Linux "));
    EXPECT_THAT(text,
                testing::ContainsRegex("warning +deputyd +deputyd cannot be asked at [^\n]*\n +systemctl"));
}

TEST_F(doctor, says_what_is_wrong_with_the_configuration)
{
    std::ofstream(config()) << "[policy.some.enable]\nmknot = true\n";
    const outcome o = look({"--json"});
    EXPECT_EQ(o.status, 1);
    EXPECT_THAT(findings(o), Contains(AllOf(HasSubstr("bad configuration"), HasSubstr("mknot"))));
}

TEST_F(doctor, says_which_plugin_cannot_be_loaded)
{
    std::ofstream(config()) << "";
    const outcome o = look({"--json"}, DEPUTY_TEST_PLUGINS_DIR);
    EXPECT_EQ(o.status, 1);
    EXPECT_THAT(findings(o), Contains(AllOf(HasSubstr("bad plugin"), HasSubstr("wrong_major"))));
    EXPECT_THAT(findings(o), Contains(HasSubstr("good plugin no_op")));
}

class doctor_of_daemon : public testing::Test, public daemon_fixture
{
};

TEST_F(doctor_of_daemon, finds_one_that_serves)
{
    ASSERT_TRUE(start()) << daemon->wait().err;
    const outcome o =
        run({DEPUTY_BIN_DIR "/deputy", "doctor", "--config", (directory / "deputy.toml").string(),
             "--socket-dir", sockets().string(), "--plugin-dir", DEPUTY_TEST_PLUGINS_DIR});
    EXPECT_THAT(o.out, testing::ContainsRegex("good +deputyd +version [0-9.]+ serves 0 containers"));
    EXPECT_THAT(o.out, testing::ContainsRegex("good +configuration +socket [^\n]*/oci.sock"));
}

} // namespace
} // namespace deputyd::test
