// SPDX-License-Identifier: Apache-2.0
#include "cli/config_check.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "daemon/configuration.hpp"
#include "notify/host.hpp"

namespace
{

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ConfigCheck : public testing::Test
{
protected:
    fs::path directory_ = fs::temp_directory_path() / ("deputy-config-" + std::to_string(getpid()));

    void SetUp() override { fs::create_directories(directory_ / "conf.d"); }
    void TearDown() override { fs::remove_all(directory_); }
    void write(const std::string &name, const std::string &text) const
    {
        std::ofstream(directory_ / name) << text;
    }
    /// What "deputy config check" says of a configuration.
    std::string check(const std::string &text) const
    {
        write("deputy.toml", text);
        testing::internal::CaptureStdout();
        std::string problem;
        try {
            EXPECT_EQ(deputyd::config_check({directory_ / "deputy.toml", DEPUTY_TEST_PLUGINS_DIR}), 0);
        } catch (const std::runtime_error &e) {
            problem = e.what();
        }
        const std::string out = testing::internal::GetCapturedStdout();
        return problem.empty() ? out : problem;
    }
};

TEST_F(ConfigCheck, prints_policies_and_sockets)
{
    write("conf.d/more.toml", "[policy.build]\ninherit = \"default\"\n");
    EXPECT_EQ(check("[policy.default.enable]\ntwo_calls = true\n"),
              "policies: build, default\n"
              "socket /run/deputy/oci.sock: default policy default, allowed build, default\n"
              "socket /run/deputy/lxc.sock: default policy default, allowed build, default\n");
}

TEST_F(ConfigCheck, metrics_are_for_this_machine_alone)
{
    const std::string file = (directory_ / "deputy.toml").string();
    const std::string refusal = file + ":2:1: metrics.listen: must be an address of this machine alone, "
                                       "\"127.0.0.1:PORT\" or \"[::1]:PORT\", not ";
    for (const char *address :
         {"\"0.0.0.0:9100\"", "\"[::]:9100\"", "\"192.0.2.1:9100\"", "\"localhost:9100\"", "\":9100\"",
          "\"127.0.0.1\"", "\"127.0.0.1:0\"", "\"127.0.0.1:65536\"", "\"127.0.0.1:http\"", "\"::1:9100\"",
          "9100", "true"}) {
        EXPECT_THAT(check(std::string("[metrics]\nlisten = ") + address + "\n"),
                    HasSubstr(refusal + address + ";"));
    }
    EXPECT_THAT(check("[metrics]\nlisten = \"127.0.0.1:9100\"\n"), HasSubstr("policies: "));
    EXPECT_THAT(check("[metrics]\nlisten = \"[::1]:9100\"\n"), HasSubstr("policies: "));
    EXPECT_THAT(check("[metrics]\nlistem = \"[::1]:9100\"\n"),
                HasSubstr(file + ":2:1: metrics.listem: is not a key of metrics; did you mean listen?"));
    EXPECT_THAT(check("metrics = \"127.0.0.1:9100\"\n"), HasSubstr(":1: metrics: must be a table"));
}

TEST_F(ConfigCheck, the_audit_log_has_two_formats)
{
    const std::string file = (directory_ / "deputy.toml").string();
    const auto form = [&](const std::string &text) {
        write("deputy.toml", text);
        const auto paths = deputyd::config_paths_of(directory_ / "deputy.toml");
        return deputyd::read_configuration(paths, directory_).observing.audit;
    };
    EXPECT_EQ(form(""), deputyd::audit_form::json);
    EXPECT_EQ(form("[audit]\nformat = \"text\"\n"), deputyd::audit_form::text);
    EXPECT_EQ(form("[audit]\nformat = \"text\"\nenabled = false\n"), deputyd::audit_form::off);
    EXPECT_EQ(form("[audit]\nenabled = true\n"), deputyd::audit_form::json);
    EXPECT_THAT(check("[audit]\nformat = \"xml\"\n"),
                HasSubstr(file + ":2:1: audit.format: must be \"text\" or \"json\""));
    EXPECT_THAT(check("[audit]\nenabled = \"no\"\n"),
                HasSubstr(file + ":2:1: audit.enabled: must be true or false"));
    EXPECT_THAT(check("[audit]\nform = \"text\"\n"),
                HasSubstr(":2:1: audit.form: is not a key of audit; did you mean format?"));
}

TEST_F(ConfigCheck, names_file_line_and_key_of_what_is_wrong)
{
    const std::string on = "[policy.default.enable]\ntwo_calls = true\n";
    const std::string file = (directory_ / "deputy.toml").string();
    EXPECT_THAT(check(on + "[policy.default.plugin.two_calls]\nlimit = 0\n"),
                HasSubstr(file + ":4:1: policy.default.plugin.two_calls.limit: "));
    EXPECT_THAT(check("[policy.default.enable]\ntwo_cals = true\n"),
                HasSubstr(file + ":2:1: policy.default.enable.two_cals: no plugin two_cals is installed"));
    EXPECT_THAT(check("[policy.default.enable]\n\"../two_calls\" = true\n"), HasSubstr("is installed"));
    EXPECT_THAT(check("[polcy.default]\n"), HasSubstr(":1:2: polcy: is not a key of the configuration"));
    EXPECT_THAT(check("[polcy.default]\n"), HasSubstr("did you mean policy?"));
    EXPECT_THAT(check("[[socket]]\npath = \"a.sock\"\nprotocol = \"http\"\n"),
                HasSubstr("must be \"oci\" or \"lxc\""));
    EXPECT_THAT(check("policy = ["), HasSubstr("not TOML"));
}

TEST_F(ConfigCheck, wants_the_file_that_it_was_given)
{
    EXPECT_THROW(deputyd::config_check({directory_ / "none.toml", DEPUTY_TEST_PLUGINS_DIR}),
                 std::runtime_error);
}

TEST(PluginsOfAConfiguration, are_made_ready_again_after_they_failed_to_be)
{
    std::string name = testing::TempDir() + "deputy-XXXXXX";
    const std::filesystem::path directory = ::mkdtemp(name.data());
    std::ofstream(directory / "deputy.toml") << "[policy.some.enable]\nthrows_everywhere = true\n";
    const auto config = deputyd::read_configuration(
        {"/nonexistent", directory / "deputy.toml", "/nonexistent", true}, "/run/deputy");
    deputyd::plugin_set plugins(deputyd::plugin_extensions());
    load_enabled(plugins, *config.rules, {}, DEPUTY_TEST_PLUGINS_DIR);
    ::setenv("DEPUTY_TEST_CALLBACK", "ready", 1);
    EXPECT_THROW(plugins.ready(), std::runtime_error);
    EXPECT_FALSE(plugins.all().front()->is_ready());
    ::unsetenv("DEPUTY_TEST_CALLBACK");
    plugins.ready();
    EXPECT_TRUE(plugins.all().front()->is_ready());
    std::filesystem::remove_all(directory);
}

TEST(ShippedPolicies, are_a_configuration_with_the_shipped_plugins)
{
    const deputyd::config_paths paths{DEPUTY_SOURCE_DIR "/host/data/conf.d", "/nonexistent", "/nonexistent",
                                      false};
    const auto config = deputyd::read_configuration(paths, "/run/deputy");
    EXPECT_THAT(config.rules->names(), ElementsAre("build", "nested"));
    EXPECT_THAT(config.rules->plugins(), ElementsAre("bpf_cgroup_device", "mknod"));
    ASSERT_EQ(config.sockets.size(), 2u);
    EXPECT_EQ(config.sockets[0].default_policy, "nested");
    deputyd::plugin_set plugins(deputyd::plugin_extensions());
    load_enabled(plugins, *config.rules, {}, DEPUTY_PLUGINS_DIR);
    check_policies(*config.rules, plugins);
}

} // namespace
