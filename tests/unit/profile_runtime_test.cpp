// SPDX-License-Identifier: Apache-2.0
// What deputy-runtime understands and edits.
#include "profile/bundle.hpp"
#include "profile/runtime_arguments.hpp"
#include "profile/supervise_config.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace
{

using namespace deputyd::profile;
using testing::HasSubstr;
using arguments = std::vector<std::string>;

TEST(RuntimeArguments, own_options_stand_in_front)
{
    const arguments all = {"--deputy-policy", "build", "--runtime=/usr/bin/crun", "--root", "/r",
                           "--deputy-policy", "other"};
    const runtime_options o = own_options(all, "/plugins");
    EXPECT_EQ(o.policy, "build");
    EXPECT_EQ(o.runtime, "/usr/bin/crun");
    EXPECT_EQ(o.plugin_directory, "/plugins");
    EXPECT_EQ(o.count, 3U);
    EXPECT_FALSE(o.names_handlers);
    EXPECT_THROW(own_options(arguments{"--deputy-policy"}, ""), std::runtime_error);
    EXPECT_THROW(own_options(arguments{"--deputy-polcy", "x"}, ""), std::runtime_error);
}

TEST(RuntimeArguments, finds_the_command_behind_options_of_runc_and_crun)
{
    EXPECT_EQ(understand(arguments{}).command, "");
    EXPECT_EQ(understand(arguments{"--version"}).command, "");
    EXPECT_EQ(
        understand(arguments{"--root", "create", "--log=/l", "--systemd-cgroup", "state", "id"}).command,
        "state");
    EXPECT_EQ(understand(arguments{"-root", "run", "delete", "id"}).command, "delete");
    EXPECT_FALSE(understand(arguments{"exec", "--bundle", "/b", "id"}).makes_container());
}

TEST(RuntimeArguments, finds_the_file_where_engines_look_for_reasons)
{
    const runtime_request r = understand(arguments{"--log", "/l", "--log-format=json", "create", "id"});
    EXPECT_EQ(r.log, "/l");
    EXPECT_TRUE(r.log_is_json);
    EXPECT_EQ(r.command, "create");
    EXPECT_EQ(understand(arguments{"--log-level", "x", "create", "--log", "y"}).log, "");
}

TEST(RuntimeArguments, finds_the_bundle_in_every_spelling)
{
    for (const arguments &spelling :
         {arguments{"--bundle", "/b"}, arguments{"--bundle=/b"}, arguments{"-b", "/b"},
          arguments{"-bundle", "/b"}, arguments{"-b=/b"}, arguments{"-b/b"}}) {
        arguments all = {"--log-format", "json", "create", "--pid-file", "/p"};
        all.insert(all.end(), spelling.begin(), spelling.end());
        all.emplace_back("id");
        EXPECT_EQ(understand(all).bundle, "/b") << spelling.front();
        EXPECT_TRUE(understand(all).makes_container());
    }
    EXPECT_EQ(understand(arguments{"run", "id"}).bundle, ".");
    EXPECT_EQ(understand(arguments{"run", "--", "--bundle"}).bundle, ".");
    EXPECT_TRUE(understand(arguments{"run", "-f", "other.json", "id"}).names_config);
}

TEST(RuntimeArguments, refuses_relative_runtimes_and_itself)
{
    EXPECT_THROW(find_runtime("runc"), std::runtime_error);
    EXPECT_THROW(find_runtime("/proc/self/exe"), std::runtime_error);
    EXPECT_EQ(find_runtime("/nonexistent/runc"), "/nonexistent/runc");
}

class Bundle : public testing::Test
{
protected:
    std::filesystem::path path_;

    void SetUp() override
    {
        std::string pattern = testing::TempDir() + "/deputy-bundle-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override { std::filesystem::remove_all(path_); }
    void write(const char *text) const { std::ofstream(path_ / "config.json") << text; }
    std::size_t files() const
    {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
    }
};

TEST_F(Bundle, leaves_what_is_missing_to_the_runtime)
{
    EXPECT_FALSE(bundle::open(path_));
    EXPECT_FALSE(bundle::open(path_ / "nonexistent"));
}

TEST_F(Bundle, is_replaced_with_its_mode_and_in_its_order)
{
    write(
        R"({"z": 18446744073709551615, "a": {"y": 1, "b": 2}, "annotations": {"deputy.policy": "p", "n": 1}})");
    ::chmod((path_ / "config.json").c_str(), 0640);
    auto b = bundle::open(path_);
    ASSERT_TRUE(b);
    EXPECT_EQ(b->annotation("deputy.policy"), "p");
    EXPECT_FALSE(b->annotation("deputy.other"));
    EXPECT_THROW(b->annotation("n"), std::runtime_error);
    json config = b->config();
    config["new"] = true;
    b->replace(config);
    std::ifstream in(path_ / "config.json");
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(
        text,
        R"({"z":18446744073709551615,"a":{"y":1,"b":2},"annotations":{"deputy.policy":"p","n":1},"new":true})");
    struct stat st {
    };
    ::stat((path_ / "config.json").c_str(), &st);
    EXPECT_EQ(st.st_mode & 07777, 0640U);
    EXPECT_EQ(files(), 1U);
}

TEST_F(Bundle, follows_no_symbolic_link_and_reads_no_pipe)
{
    std::ofstream(path_ / "elsewhere") << "{}";
    std::filesystem::create_symlink("elsewhere", path_ / "config.json");
    EXPECT_THROW(bundle::open(path_), std::runtime_error);
    std::filesystem::remove(path_ / "config.json");
    ASSERT_EQ(::mkfifo((path_ / "config.json").c_str(), 0600), 0);
    EXPECT_THROW(bundle::open(path_), std::runtime_error);
}

TEST_F(Bundle, says_what_is_no_json)
{
    for (const char *text : {"", "{", "[]", "3"}) {
        write(text);
        EXPECT_THROW(bundle::open(path_), std::runtime_error) << text;
    }
}

const std::vector<claim> wanted = {{"bpf", 0, {cube{}}}, {"seccomp", 16, {new_listener()}}};

TEST(SuperviseConfig, leaves_limits_that_the_container_sets)
{
    json config = json::parse(R"({"linux": {}, "process": {"rlimits": [
        {"type": "RLIMIT_MEMLOCK", "hard": 65536, "soft": 65536}]}})");
    supervise(config, wanted, "/s", "p");
    EXPECT_EQ(config["process"]["rlimits"].size(), 1U);
    EXPECT_EQ(config["process"]["rlimits"][0]["hard"], 65536);
    EXPECT_EQ(config["linux"]["seccomp"]["listenerPath"], "/s");
    EXPECT_EQ(config["linux"]["seccomp"]["listenerMetadata"], "policy=p");
    EXPECT_EQ(config["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ALLOW");
}

TEST(SuperviseConfig, refuses_a_second_listener_and_what_is_no_linux_container)
{
    json config =
        json::parse(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/o"}}})");
    EXPECT_THROW(supervise(config, wanted, "/s", "p"), std::runtime_error);
    config = json::object();
    EXPECT_THROW(supervise(config, wanted, "/s", "p"), std::runtime_error);
}

} // namespace
