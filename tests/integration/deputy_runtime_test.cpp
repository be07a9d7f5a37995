// SPDX-License-Identifier: Apache-2.0
// deputy-runtime around real runtimes.
#include <cerrno>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/listener_agent.hpp"
#include "support/oci_bundle.hpp"

namespace
{

using deputy_test::listener_agent;
using deputy_test::oci_bundle;
using deputyd::test::outcome;
using testing::HasSubstr;
using testing::Not;

const std::string program = DEPUTY_BIN_DIR "/clients/profile_calls";
const std::string deputy_runtime = DEPUTY_BIN_DIR "/deputy-runtime";

class DeputyRuntime : public testing::TestWithParam<const char *>
{
protected:
    oci_bundle bundle_{program};

    std::vector<std::string> command(std::vector<std::string> more = {}) const
    {
        std::vector<std::string> all = {deputy_runtime,
                                        "--runtime",
                                        GetParam(),
                                        "--deputy-plugin-dir",
                                        DEPUTY_PLUGINS_DIR,
                                        "--deputy-socket",
                                        bundle_.file("agent.sock"),
                                        "--deputy-config",
                                        bundle_.file("deputy.toml")};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    void configure() const
    {
        std::ofstream(bundle_.file("deputy.toml")) << "[policy.nested]\nenable.bpf_cgroup_device = true\n";
    }
};

TEST_P(DeputyRuntime, supervises_a_container_that_asks_by_annotation)
{
    configure();
    auto config = bundle_.config();
    config["annotations"]["deputy.policy"] = "nested";
    bundle_.write_config(config);
    listener_agent agent(bundle_.file("agent.sock"), EXDEV);
    const outcome ran = bundle_.run(command());
    EXPECT_EQ(ran.status, 0) << ran.err;
    agent.stop();
    EXPECT_THAT(ran.out,
                HasSubstr("load=" + std::to_string(EXDEV) + "\nload_upper=" + std::to_string(EXDEV)));
    EXPECT_THAT(ran.out, HasSubstr("listener=" + std::to_string(EBUSY)));
    ASSERT_TRUE(agent.has_listener());
    EXPECT_EQ(agent.calls().size(), 2U);
    EXPECT_EQ(agent.message()["metadata"], "policy=nested");

    // A second start of the same bundle is the same.
    const auto once = bundle_.read_config();
    ::unlink(bundle_.file("agent.sock").c_str());
    listener_agent again(bundle_.file("agent.sock"), EXDEV);
    EXPECT_EQ(bundle_.run(command()).status, 0);
    EXPECT_EQ(bundle_.read_config(), once);
}

TEST_P(DeputyRuntime, supervises_every_container_by_option_and_keeps_its_profile)
{
    auto config = bundle_.config();
    config["linux"]["seccomp"] = nlohmann::ordered_json::parse(R"({"defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [
        {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]})");
    bundle_.write_config(config);
    listener_agent agent(bundle_.file("agent.sock"), EXDEV);
    const outcome ran = bundle_.run(command({"--deputy-policy=any", "--deputy-enable", "bpf_cgroup_device"}));
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("load=" + std::to_string(EXDEV)));
    EXPECT_THAT(ran.out, HasSubstr("map_create=95"));
    agent.stop();
    EXPECT_EQ(agent.message()["metadata"], "policy=any");
}

TEST_P(DeputyRuntime, adds_nothing_when_it_is_not_asked)
{
    bundle_.write_config(bundle_.config());
    struct stat before {
    }, after{};
    ::stat(bundle_.file("config.json").c_str(), &before);
    const outcome ran = bundle_.run(command());
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("load=" + std::to_string(EPERM)));
    ::stat(bundle_.file("config.json").c_str(), &after);
    EXPECT_EQ(before.st_ino, after.st_ino);
    EXPECT_EQ(bundle_.read_config(), bundle_.config());
}

TEST_P(DeputyRuntime, starts_no_container_that_it_cannot_supervise)
{
    auto config = bundle_.config();
    config["annotations"]["deputy.policy"] = "nested";
    bundle_.write_config(config);
    outcome ran = bundle_.run(command()); // no such policy
    EXPECT_EQ(ran.status, 125);
    EXPECT_THAT(ran.err, HasSubstr("there is no policy nested"));
    ran = bundle_.run(command({"--log", bundle_.file("log"), "--log-format", "json"}));
    EXPECT_EQ(ran.status, 125);
    std::ifstream log(bundle_.file("log"));
    EXPECT_THAT(nlohmann::json::parse(log).value("msg", ""), HasSubstr("there is no policy nested"));
    configure();
    config["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"}, {"listenerPath", "/run/other.sock"}};
    bundle_.write_config(config);
    ran = bundle_.run(command());
    EXPECT_EQ(ran.status, 125);
    EXPECT_THAT(ran.err, HasSubstr("has a listener already, at /run/other.sock"));
    EXPECT_THAT(ran.out, Not(HasSubstr("load=")));
    ::rename(bundle_.file("config.json").c_str(), bundle_.file("elsewhere.json").c_str());
    ASSERT_EQ(::symlink("elsewhere.json", bundle_.file("config.json").c_str()), 0);
    ran = bundle_.run(command());
    EXPECT_EQ(ran.status, 125);
    EXPECT_THAT(ran.err, HasSubstr("config.json"));
}

TEST_P(DeputyRuntime, passes_other_commands_on)
{
    const outcome own = deputyd::test::run({deputy_runtime, "--runtime", GetParam(), "--version"});
    const outcome theirs = deputyd::test::run({GetParam(), "--version"});
    EXPECT_EQ(own.status, theirs.status);
    EXPECT_EQ(own.out, theirs.out);
    const outcome by_environment =
        deputyd::test::run({"env", std::string("DEPUTY_RUNTIME=") + GetParam(), deputy_runtime, "--version"});
    EXPECT_EQ(by_environment.out, theirs.out);
}

INSTANTIATE_TEST_SUITE_P(All, DeputyRuntime, testing::Values("/usr/sbin/runc", "/usr/bin/crun"));

/// podman with storage of its own below the bundle, without networks and databases of the machine.
class PodmanRuntime : public testing::Test
{
protected:
    oci_bundle bundle_{program};

    void SetUp() override
    {
        std::ofstream(bundle_.file("containers.conf")) << "[engine]\nlock_type = \"file\"\n";
    }
    std::vector<std::string> podman(const std::vector<std::string> &arguments) const
    {
        std::vector<std::string> all = {
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mount --make-rshared / && "
            "\"$@\"; status=$?; rmdir /sys/fs/cgroup/libpod_parent/* /sys/fs/cgroup/libpod_parent "
            "2>/dev/null; "
            "exit $status", // podman leaves its monitor's group
            "sh",
            "env",
            "CONTAINERS_CONF=" + bundle_.file("containers.conf"),
            "podman",
            "--root",
            bundle_.file("storage"),
            "--runroot",
            bundle_.file("run"),
            "--tmpdir",
            bundle_.file("tmp"),
            "--storage-driver",
            "vfs",
            "--cgroup-manager",
            "cgroupfs",
            "--events-backend",
            "file"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return all;
    }
};

TEST_F(PodmanRuntime, is_a_runtime_for_podman_that_heeds_the_annotation)
{
    std::ofstream(bundle_.file("deputy.toml")) << "[policy.nested]\nenable.bpf_cgroup_device = true\n";
    ASSERT_EQ(deputyd::test::run({"tar", "-C", bundle_.file("rootfs"), "-cf", bundle_.file("image.tar"), "."})
                  .status,
              0);
    const outcome imported = deputyd::test::run(podman({"import", bundle_.file("image.tar"), "calls"}));
    ASSERT_EQ(imported.status, 0) << imported.err;
    // podman takes no options for a runtime but flags: a script says them, as docker makes one.
    std::ofstream(bundle_.file("runtime"))
        << "#!/bin/sh\nexec " << deputy_runtime << " --runtime /usr/bin/crun"
        << " --deputy-plugin-dir " << DEPUTY_PLUGINS_DIR << " --deputy-socket " << bundle_.file("agent.sock")
        << " --deputy-config " << bundle_.file("deputy.toml") << " \"$@\"\n";
    ::chmod(bundle_.file("runtime").c_str(), 0755);
    listener_agent agent(bundle_.file("agent.sock"), EXDEV);
    const outcome ran = deputyd::test::run(podman({"--runtime",    bundle_.file("runtime"),
                                                   "run",          "--rm",
                                                   "--network",    "none",
                                                   "--uidmap",     "0:200000:65536",
                                                   "--gidmap",     "0:200000:65536",
                                                   "--ulimit",     "nofile=1024:1024",
                                                   "--ulimit",     "nproc=4096:4096",
                                                   "--pids-limit", "0",
                                                   "--annotation", "deputy.policy=nested",
                                                   "calls",        "/program"}));
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("load=" + std::to_string(EXDEV)));
    EXPECT_THAT(ran.out, HasSubstr("listener=" + std::to_string(EBUSY)));
    agent.stop();
    EXPECT_TRUE(agent.has_listener());
    EXPECT_EQ(agent.message()["metadata"], "policy=nested");
}

} // namespace
