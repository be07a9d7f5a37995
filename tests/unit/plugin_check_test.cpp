// SPDX-License-Identifier: Apache-2.0
// "deputy plugin check" on plugins that each break one rule, and on those that break none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/process.hpp"

namespace deputyd::test
{
namespace
{

using nlohmann::json;
using testing::HasSubstr;

std::string test_plugin(const std::string &name)
{
    return DEPUTY_TEST_PLUGINS_DIR "/" + name + ".so";
}

outcome check(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), {DEPUTY_BIN_DIR "/deputy", "plugin", "check"});
    return run(arguments);
}

/// A rule and a plugin that breaks it.
struct mistake {
    const char *plugin;
    const char *rule;
    const char *reason;
    const char *callback = "";
};

std::ostream &operator<<(std::ostream &out, const mistake &m)
{
    return out << m.plugin << " " << m.callback;
}

class plugin_check_mistakes : public testing::TestWithParam<mistake>
{
};

TEST_P(plugin_check_mistakes, are_found_by_the_rule)
{
    const mistake &m = GetParam();
    ::setenv("DEPUTY_TEST_CALLBACK", m.callback, 1);
    const outcome o = check({"--json", "--seed", "7", "--only", m.rule, test_plugin(m.plugin)});
    ::unsetenv("DEPUTY_TEST_CALLBACK");
    EXPECT_EQ(o.status, 1) << o.out << o.err;
    const json list = json::parse(o.out, nullptr, false);
    ASSERT_EQ(list.size(), 1u) << o.out;
    EXPECT_EQ(list[0]["rule"], m.rule);
    EXPECT_EQ(list[0]["status"], "failed");
    EXPECT_THAT(list[0]["reason"].get<std::string>(), HasSubstr(m.reason));
}

constexpr mistake mistakes[] = {
    {"no_manifest", "manifest", "no deputy manifest"},
    {"wrong_major", "manifest", "built for version 2.0"},
    {"newer_minor", "manifest", "build the plugin again"},
    {"needs_newer_host", "manifest", "take a newer deputy"},
    {"foreign_symbol", "own-libraries", "it needs seccomp_api_get"},
    {"undefined_symbol", "loads", "deputy_test_nobody_has_this"},
    {"no_entry", "loads", "does not export deputy_plugin_query_v1"},
    {"declines", "loads", "declines to be loaded"},
    {"unlisted_call", "handlers", "register_handlers failed"},
    {"no_register", "handlers", "lacks create, register_handlers or destroy"},
    {"short_struct", "handlers", "lacks create, register_handlers or destroy"},
    {"bad_schema", "settings-schema", "is not JSON"},
    {"poor_schema", "settings-schema", "type", "array"},
    {"poor_schema", "settings-schema", "Missing required property 'additionalProperties'", "open"},
    {"poor_schema", "settings-schema", ".size: Missing required property 'description'", "no_description"},
    {"poor_schema", "settings-schema", ".size: ", "no_type"},
    {"bad_default", "settings-schema", "refuses its own defaults"},
    {"refuses", "life", "container_added"},
    {"not_parallel", "threads", "signal 6"},
    {"throws_early", "life", "create"},
    {"nonsense", "hostile-calls", "returned a verdict that is none"},
    {"continues", "hostile-calls", "without the capability"},
    {"exits", "hostile-calls", "ended the process with status 7"},
    {"sleeps", "deadline", "not back within the host's deadline"},
    {"leaks", "leaks", "descriptors open"},
    {"whole_argument", "upper-halves", "read it with arg32()"},
    {"throws_everywhere", "loads", "thrown on purpose", "query"},
    {"throws_everywhere", "life", "thrown on purpose", "create"},
    {"throws_everywhere", "life", "thrown on purpose", "register_handlers"},
    {"throws_everywhere", "life", "thrown on purpose", "ready"},
    {"throws_everywhere", "life", "thrown on purpose", "container_added"},
    {"throws_everywhere", "life", "thrown on purpose", "container_gone"},
    {"throws_everywhere", "life", "signal 6", "drain"},
    {"throws_everywhere", "life", "signal 6", "destroy"},
    {"throws_everywhere", "faults", "threw out of a callback", "handle"},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // A sanitizer exports symbols of its own, answers the signal, and has its own memory.
    {"exports_more", "one-symbol", "it exports deputy_test_second"},
    {"crashes", "hostile-calls", "signal 11"},
    {"reads_past_struct", "life", "signal 11"},
    {"leaks_memory", "leaks", "bytes of memory"},
#endif
};

INSTANTIATE_TEST_SUITE_P(all, plugin_check_mistakes, testing::ValuesIn(mistakes), [](const auto &info) {
    return std::string(info.param.plugin) + "_" + std::to_string(info.index);
});

class plugin_check : public testing::TestWithParam<std::string>
{
};

TEST_P(plugin_check, finds_nothing_in_a_plugin_that_keeps_the_rules)
{
    const outcome o = check({"--seed", "7", GetParam()});
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_THAT(o.out, HasSubstr("passed   threads"));
}

std::vector<std::string> good_plugins()
{
    std::vector<std::string> all = {test_plugin("no_op"), test_plugin("two_calls"), test_plugin("large_size"),
                                    test_plugin("replies_twice")};
    for (const char *directory : {DEPUTY_PLUGINS_DIR, DEPUTY_PLUGINS_DIR "/../example-plugins"}) {
        for (const auto &entry : std::filesystem::directory_iterator(directory)) {
            if (entry.path().extension() == ".so") {
                all.push_back(entry.path());
            }
        }
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(all, plugin_check, testing::ValuesIn(good_plugins()),
                         [](const auto &info) { return std::filesystem::path(info.param).stem().string(); });

TEST(plugin_check_command, says_what_is_not_there_with_status_2)
{
    EXPECT_EQ(check({"/nonexistent.so"}).status, 2);
    EXPECT_EQ(check({}).status, 2);
    const outcome o = check({"--only", "manifset", test_plugin("no_op")});
    EXPECT_EQ(o.status, 2);
    EXPECT_THAT(o.err, HasSubstr("manifest"));
}

TEST(plugin_check_command, tries_nothing_more_once_a_gate_is_shut)
{
    const outcome o = check({test_plugin("wrong_major")});
    EXPECT_EQ(o.status, 1);
    EXPECT_THAT(o.out, HasSubstr("skipped  threads: manifest failed"));
}

TEST(plugin_check_command, prints_the_seed_by_which_a_check_is_repeated)
{
    const outcome o = check({"--only", "manifest", test_plugin("no_op")});
    EXPECT_THAT(o.out, HasSubstr("(seed "));
    EXPECT_THAT(check({"--rules"}).out, HasSubstr("hostile-calls"));
}

TEST(plugin_list_command, names_threads_capabilities_and_calls)
{
    const outcome o = run({DEPUTY_BIN_DIR "/deputy", "plugin", "list", "--plugin-dir", DEPUTY_PLUGINS_DIR});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("bpf_cgroup_device 0.1.0"));
    EXPECT_THAT(o.out, HasSubstr("capabilities: continue  system calls: bpf\n"));
}

TEST(plugin_show_command, prints_settings_with_type_and_default)
{
    const outcome o = run({DEPUTY_BIN_DIR "/deputy", "plugin", "show", "--plugin-dir", DEPUTY_PLUGINS_DIR,
                           "bpf_cgroup_device"});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("programs (integer"));
    EXPECT_THAT(o.out, HasSubstr("default 256"));
    const outcome none = run({DEPUTY_BIN_DIR "/deputy", "plugin", "show", "--plugin-dir", DEPUTY_PLUGINS_DIR,
                              "bpf_cgroup_devise"});
    EXPECT_EQ(none.status, 125);
    EXPECT_THAT(none.err, HasSubstr("bpf_cgroup_device"));
}

TEST(plugin_new_command, refuses_names_that_are_none)
{
    const outcome o = run({DEPUTY_BIN_DIR "/deputy", "plugin", "new", "No/Name"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("is no name for a plugin"));
}

} // namespace
} // namespace deputyd::test
