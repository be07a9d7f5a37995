// SPDX-License-Identifier: Apache-2.0
#include "policy/policies.hpp"

#include "policy/handlers.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/host.hpp"
#include <unistd.h>

namespace
{

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Policies : public testing::Test
{
protected:
    fs::path directory_ = fs::temp_directory_path() / ("deputy-policies-" + std::to_string(getpid()));
    deputyd::plugin_set plugins_{deputyd::plugin_extensions()};

    void SetUp() override
    {
        fs::create_directories(directory_ / "conf.d");
        plugins_.load(DEPUTY_TEST_PLUGINS_DIR "/two_calls.so");
        plugins_.load(DEPUTY_TEST_PLUGINS_DIR "/no_op.so");
    }
    void TearDown() override { fs::remove_all(directory_); }

    void write(const std::string &name, const std::string &text) const
    {
        std::ofstream(directory_ / name) << text;
    }

    deputyd::policies read() const
    {
        deputyd::config_node tree = deputyd::read_toml(directory_ / "deputy.toml");
        merge_directory(tree, directory_ / "conf.d");
        return deputyd::policies(tree);
    }
    deputyd::policies read(const std::string &text) const
    {
        write("deputy.toml", text);
        return read();
    }

    /// Everything of a policy: its handlers and settings.
    std::string all_of(const deputyd::policies &p, const std::string &name) const
    {
        check_names(*p.find(name), deputyd::installed_plugins(plugins_, "/nonexistent"));
        std::string text;
        for (const auto *h : enabled_handlers(*p.find(name), plugins_)) {
            text += h->plugin->name() + "." + h->syscall + " ";
        }
        return text + plugin_settings(*p.find(name), *plugins_.find("two_calls"));
    }

    /// The message for a wrong file, without the directory's name.
    std::string refusal(const std::string &text) const
    {
        try {
            const auto p = read(text);
            for (const auto &name : p.names()) {
                all_of(p, name);
            }
        } catch (const deputyd::config_error &e) {
            std::string what = e.what();
            if (const auto at = what.find(directory_.string() + "/"); at != what.npos) {
                what.erase(at, directory_.string().size() + 1);
            }
            return what;
        }
        return "accepted";
    }
};

TEST_F(Policies, may_be_none)
{
    EXPECT_THAT(read("").names(), IsEmpty());
    EXPECT_EQ(read("").find("default"), nullptr);
}

TEST_F(Policies, enable_plugins_and_single_calls_and_set_them)
{
    const auto p = read(R"(
[policy.default.enable]
two_calls = ["uname"]
no_op = true
[policy.default.plugin.two_calls]
limit = 16
[policy.off.enable]
two_calls = false
)");
    EXPECT_THAT(p.names(), ElementsAre("default", "off"));
    EXPECT_THAT(p.plugins(), ElementsAre("no_op", "two_calls"));
    EXPECT_EQ(all_of(p, "default"), R"(no_op.getppid two_calls.uname {"limit":16})");
    EXPECT_EQ(all_of(p, "off"), "{}");
}

TEST_F(Policies, inherit_merging_tables_and_replacing_lists)
{
    const auto p = read(R"(
[policy.default]
enable.two_calls = ["uname", "getppid"]
plugin.two_calls = {limit = 16, names = ["a", "b"]}
[policy.child]
inherit = "default"
enable.no_op = true
plugin.two_calls.names = ["c"]
[policy.grandchild]
inherit = "child"
enable.two_calls = false
)");
    EXPECT_EQ(all_of(p, "child"),
              R"(no_op.getppid two_calls.getppid two_calls.uname {"limit":16,"names":["c"]})");
    EXPECT_EQ(all_of(p, "grandchild"), R"(no_op.getppid {"limit":16,"names":["c"]})");
}

TEST_F(Policies, are_laid_over_by_later_files)
{
    write("conf.d/20-b.toml", "policy.default.plugin.two_calls.limit = 3");
    write("conf.d/10-a.toml",
          "policy.default.plugin.two_calls.limit = 2\npolicy.default.enable.no_op = true");
    write("conf.d/30-c.toml.disabled", "policy.default.plugin.two_calls.limit = 4");
    EXPECT_EQ(all_of(read("policy.default.plugin.two_calls.limit = 1"), "default"),
              R"(no_op.getppid {"limit":3})");
}

TEST_F(Policies, name_file_line_and_key_of_what_is_wrong)
{
    EXPECT_EQ(refusal("[policy.a]\nenabel.no_op = true"),
              "deputy.toml:2:1: policy.a.enabel: is not a key of a policy; did you mean enable? It has: "
              "inherit, enable, plugin, mode, fail, deadline, limits");
    EXPECT_THAT(refusal("[policy.a]\n\nenable.no_op = 1"),
                HasSubstr("deputy.toml:3:8: policy.a.enable.no_op: must be true, false or"));
    EXPECT_THAT(refusal("[policy.a]\nenable.no_op = [1]"),
                HasSubstr("deputy.toml:2:8: policy.a.enable.no_op: must be"));
    EXPECT_THAT(refusal("[policy.a]\nenable = true"),
                HasSubstr("deputy.toml:2:1: policy.a.enable: must be a table"));
    EXPECT_THAT(refusal("policy = 1"), HasSubstr("deputy.toml:1:1: policy: must be a table"));
    EXPECT_THAT(refusal("policy.a = 1"), HasSubstr("deputy.toml:1:8: policy.a: must be a table"));
    EXPECT_THAT(refusal("[policy.a]\nplugin.no_op = 1"),
                HasSubstr("deputy.toml:2:8: policy.a.plugin.no_op: must be a table"));
    EXPECT_THAT(refusal("[policy.a]\ninherit = 1"),
                HasSubstr("deputy.toml:2:1: policy.a.inherit: must be the name of a policy"));
    EXPECT_THAT(refusal("[policy.a\n"), HasSubstr("deputy.toml:1:10: not TOML: "));
}

TEST_F(Policies, name_plugins_and_calls_that_are_not_there)
{
    EXPECT_EQ(refusal("[policy.a]\nenable.two_call = true"),
              "deputy.toml:2:8: policy.a.enable.two_call: no plugin two_call is installed; did you mean "
              "two_calls?");
    EXPECT_EQ(
        refusal("[policy.a]\nenable.two_calls = [\"unam\"]"),
        "deputy.toml:2:21: policy.a.enable.two_calls: plugin two_calls handles no system call unam; did "
        "you mean "
        "uname? It handles: getppid, uname");
}

TEST_F(Policies, name_settings_that_the_schema_refuses)
{
    EXPECT_THAT(refusal("[policy.a.plugin.two_calls]\nlimit = 0"),
                HasSubstr("deputy.toml:2:1: policy.a.plugin.two_calls.limit: "));
    EXPECT_THAT(refusal("[policy.a.plugin.two_calls]\n\nlimt = 1"),
                HasSubstr("deputy.toml:3:1: policy.a.plugin.two_calls.limt: plugin two_calls has no setting "
                          "limt; did you mean limit?"));
    EXPECT_THAT(refusal("[policy.a.plugin.two_calls]\nnames = [\"a\", 2]"),
                HasSubstr("deputy.toml:2:1: policy.a.plugin.two_calls.names: "));
}

TEST_F(Policies, of_a_file_in_conf_d_are_named_by_it)
{
    write("conf.d/10-a.toml", "\npolicy.a.enable = 1");
    EXPECT_THAT(refusal(""), HasSubstr("conf.d/10-a.toml:2:10: policy.a.enable: must be a table"));
}

TEST_F(Policies, do_not_inherit_from_strangers_or_in_circles)
{
    EXPECT_EQ(refusal("[policy.a]\ninherit = \"b\""),
              "deputy.toml:2:1: policy.a.inherit: there is no policy b; did you mean a?");
    EXPECT_THAT(refusal("[policy.a]\ninherit = \"a\""), HasSubstr("goes in a circle: a -> a"));
    EXPECT_THAT(refusal("[policy.a]\ninherit = \"b\"\n[policy.b]\ninherit = \"a\""),
                HasSubstr("goes in a circle: "));
}

TEST_F(Policies, of_a_file_that_is_not_there_are_an_error)
{
    EXPECT_THROW(deputyd::read_toml(directory_ / "nothing.toml"), deputyd::config_error);
    EXPECT_THROW(deputyd::read_toml(directory_), deputyd::config_error);
}

} // namespace
