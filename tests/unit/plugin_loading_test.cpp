// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/host.hpp"
#include "plugin/handler_table.hpp"
#include "plugin/plugin_set.hpp"

#include <linux/audit.h>
#include <sys/syscall.h>

namespace
{

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string refusal(const fs::path &file)
{
    deputyd::plugin_set plugins(deputyd::plugin_extensions());
    try {
        plugins.load(file);
    } catch (const std::runtime_error &e) {
        EXPECT_TRUE(plugins.all().empty());
        return e.what();
    }
    return "accepted";
}

fs::path test_plugin(const std::string &name)
{
    return fs::path(DEPUTY_TEST_PLUGINS_DIR) / (name + ".so");
}

TEST(PluginLoading, takes_a_plugin_in_c)
{
    deputyd::plugin_set plugins(deputyd::plugin_extensions());
    const auto &p = plugins.load(test_plugin("no_op"));
    EXPECT_EQ(p.name(), "no_op");
    EXPECT_EQ(plugins.find("no_op"), &p);
    ASSERT_EQ(p.handlers().size(), 1u);
    EXPECT_EQ(p.handlers()[0]->syscall, "getppid");
    EXPECT_FALSE(p.may_continue());
}

TEST(PluginLoading, reads_no_further_than_a_description_says)
{
    EXPECT_THAT(refusal(test_plugin("short_struct")),
                HasSubstr("lacks create, register_handlers or destroy"));
}

TEST(PluginLoading, refuses_a_file_without_manifest)
{
    EXPECT_THAT(refusal(test_plugin("no_manifest")), HasSubstr("no deputy manifest"));
    EXPECT_THAT(refusal("/etc/passwd"), HasSubstr("not an ELF file"));
    EXPECT_THAT(refusal("/dev/null"), HasSubstr("not a regular file"));
    EXPECT_THAT(refusal("/nonexistent.so"), HasSubstr("No such file"));
}

TEST(PluginLoading, runs_nothing_of_a_plugin_that_it_refuses)
{
    unsetenv("DEPUTY_TEST_CONSTRUCTOR_RAN");
    EXPECT_THAT(refusal(test_plugin("wrong_major")), HasSubstr("built for version 2.0"));
    EXPECT_EQ(std::getenv("DEPUTY_TEST_CONSTRUCTOR_RAN"), nullptr);
}

TEST(PluginLoading, refuses_another_version_of_the_draft)
{
    EXPECT_THAT(refusal(test_plugin("newer_minor")), HasSubstr("build the plugin again"));
}

TEST(PluginLoading, refuses_what_needs_a_newer_host)
{
    EXPECT_THAT(refusal(test_plugin("needs_newer_host")), HasSubstr("take a newer deputy"));
}

TEST(PluginLoading, reads_no_more_of_a_description_than_it_knows)
{
    EXPECT_EQ(refusal(test_plugin("large_size")), "accepted");
}

TEST(PluginLoading, refuses_without_an_entry_point)
{
    EXPECT_THAT(refusal(test_plugin("no_entry")), HasSubstr("does not export deputy_plugin_query_v1"));
}

TEST(PluginLoading, names_an_undefined_symbol)
{
    EXPECT_THAT(refusal(test_plugin("undefined_symbol")), HasSubstr("deputy_test_nobody_has_this"));
}

TEST(PluginLoading, accepts_that_a_plugin_declines)
{
    EXPECT_THAT(refusal(test_plugin("declines")), HasSubstr("declines to be loaded"));
}

TEST(PluginLoading, refuses_a_description_without_register_handlers)
{
    EXPECT_THAT(refusal(test_plugin("no_register")), HasSubstr("lacks create, register_handlers or destroy"));
}

TEST(PluginLoading, refuses_handlers_that_the_manifest_does_not_name)
{
    EXPECT_THAT(refusal(test_plugin("unlisted_call")),
                HasSubstr("register_handlers failed: Invalid argument"));
}

TEST(PluginLoading, refuses_predicates_that_are_not_valid)
{
    for (int i = 0; i < 9; ++i) {
        setenv("DEPUTY_TEST_PREDICATE", std::to_string(i).c_str(), 1);
        EXPECT_THAT(refusal(test_plugin("wrong_predicates")), HasSubstr("register_handlers failed")) << i;
    }
}

TEST(PluginLoading, survives_a_constructor_that_throws)
{
    EXPECT_THAT(refusal(test_plugin("throws_early")), HasSubstr("create failed"));
}

TEST(PluginLoading, refuses_the_same_name_twice)
{
    deputyd::plugin_set plugins(deputyd::plugin_extensions());
    plugins.load(test_plugin("no_op"));
    EXPECT_THROW(plugins.load(test_plugin("no_op")), std::runtime_error);
    EXPECT_EQ(plugins.all().size(), 1u);
}

TEST(PluginLoading, refuses_a_file_that_others_may_change)
{
    std::string name = testing::TempDir() + "deputy-XXXXXX";
    const int fd = mkstemp(name.data());
    ASSERT_GE(fd, 0);
    close(fd);
    fs::copy_file(test_plugin("no_op"), name, fs::copy_options::overwrite_existing);
    ASSERT_EQ(chmod(name.c_str(), 0666), 0);
    EXPECT_THAT(refusal(name), HasSubstr("chmod go-w it"));
    ASSERT_EQ(chmod(name.c_str(), 0644), 0);
    EXPECT_EQ(refusal(name), "accepted");
    fs::remove(name);
}

class HandlerTable : public testing::Test
{
protected:
    deputyd::plugin_set plugins_{deputyd::plugin_extensions()};
    std::vector<const deputyd::handler *> handlers(const std::string &plugin)
    {
        std::vector<const deputyd::handler *> all;
        for (const auto &h : plugins_.load(test_plugin(plugin)).handlers()) {
            all.push_back(h.get());
        }
        return all;
    }
};

#ifdef __x86_64__
constexpr std::uint32_t native = AUDIT_ARCH_X86_64;

TEST_F(HandlerTable, resolves_a_name_for_every_architecture)
{
    const deputyd::handler_table table(handlers("no_op"));
    EXPECT_EQ(table.find(native, SYS_getppid).size(), 1u);
    EXPECT_EQ(table.find(AUDIT_ARCH_I386, 64).size(), 1u);
    EXPECT_TRUE(table.find(native, 64).empty());
}

TEST_F(HandlerTable, has_nothing_for_x32)
{
    const deputyd::handler_table table(handlers("no_op"));
    EXPECT_TRUE(table.find(native, static_cast<int>(SYS_getppid | 0x40000000)).empty());
}
#else
constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
#endif

TEST_F(HandlerTable, has_nothing_for_numbers_and_architectures_that_are_none)
{
    const deputyd::handler_table table(handlers("no_op"));
    EXPECT_TRUE(table.find(native, -1).empty());
    EXPECT_TRUE(table.find(native, 1 << 20).empty());
    EXPECT_TRUE(table.find(0, SYS_getppid).empty());
    EXPECT_TRUE(deputyd::handler_table().find(native, SYS_getppid).empty());
}

TEST(Predicates, read_a_32_bit_parameter_as_the_kernel_does)
{
    const deputy_predicate five[] = {{0, 32, DEPUTY_OP_EQ, 0, 5, 0}};
    EXPECT_TRUE(deputyd::matches(five, {5, 0, 0, 0, 0, 0}));
    EXPECT_TRUE(deputyd::matches(five, {0xdeadbeef00000005, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(deputyd::matches(five, {6, 5, 0, 0, 0, 0}));
    const deputy_predicate wide[] = {{0, 64, DEPUTY_OP_EQ, 0, 5, 0}};
    EXPECT_FALSE(deputyd::matches(wide, {0xdeadbeef00000005, 0, 0, 0, 0, 0}));
    const deputy_predicate masked[] = {{1, 32, DEPUTY_OP_MASKED_EQ, 0, 0x2000, 0xf000}};
    EXPECT_TRUE(deputyd::matches(masked, {0, 0xffffffff00002fff, 0, 0, 0, 0}));
    EXPECT_FALSE(deputyd::matches(masked, {0, 0x6fff, 0, 0, 0, 0}));
}

TEST(Predicates, must_all_hold)
{
    const deputy_predicate both[] = {{0, 32, DEPUTY_OP_EQ, 0, 1, 0}, {1, 32, DEPUTY_OP_EQ, 0, 2, 0}};
    EXPECT_TRUE(deputyd::matches(both, {1, 2, 0, 0, 0, 0}));
    EXPECT_FALSE(deputyd::matches(both, {1, 3, 0, 0, 0, 0}));
    EXPECT_TRUE(deputyd::matches({}, {1, 3, 0, 0, 0, 0}));
}

} // namespace
