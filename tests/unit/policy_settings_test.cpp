// SPDX-License-Identifier: Apache-2.0
#include "policy/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/host.hpp"

namespace
{

using testing::HasSubstr;

class Settings : public testing::Test
{
protected:
    deputyd::plugin_set plugins_{deputyd::plugin_extensions()};
    deputyd::loaded_plugin &plugin_ = plugins_.load(DEPUTY_TEST_PLUGINS_DIR "/two_calls.so");
    deputyd::settings settings_;

    std::string refusal(std::string_view assignment)
    {
        try {
            settings_.set(assignment);
            settings_.check_plugins(plugins_);
            settings_.json(plugin_);
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "accepted";
    }
};

TEST_F(Settings, are_an_empty_object_at_first)
{
    EXPECT_EQ(settings_.json(plugin_), "{}");
}

TEST_F(Settings, are_toml_values)
{
    settings_.set("two_calls.limit=16");
    settings_.set("two_calls.names=[\"a\", 'b']");
    EXPECT_EQ(settings_.json(plugin_), R"({"limit":16,"names":["a","b"]})");
}

TEST_F(Settings, may_be_set_again)
{
    settings_.set("two_calls.limit=16");
    settings_.set("two_calls.limit=17");
    EXPECT_EQ(settings_.json(plugin_), R"({"limit":17})");
}

TEST_F(Settings, of_a_plugin_that_is_not_loaded_are_refused)
{
    EXPECT_THAT(refusal("two_call.limit=1"),
                HasSubstr("names plugin two_call, which is not loaded; did you mean two_calls?"));
}

TEST_F(Settings, that_the_schema_does_not_have_are_refused)
{
    EXPECT_THAT(refusal("two_calls.limits=1"),
                HasSubstr("plugin two_calls has no setting limits; did you mean limit?"));
}

TEST_F(Settings, that_the_schema_forbids_are_refused)
{
    EXPECT_THAT(refusal("two_calls.limit=\"16\""), HasSubstr("setting two_calls.limit: "));
    settings_ = {};
    EXPECT_THAT(refusal("two_calls.limit=0"), HasSubstr("setting two_calls.limit: "));
}

TEST_F(Settings, that_do_not_fit_are_refused_with_place_value_and_what_would_fit)
{
    EXPECT_THAT(
        refusal("two_calls.names=[\"a\", \"B\"]"),
        HasSubstr("setting two_calls.names: [1]: \"B\" does not fit. Wanted: Names in small letters."));
    settings_ = {};
    EXPECT_THAT(refusal("two_calls.limit=0"), HasSubstr("setting two_calls.limit: 0 does not fit. Expected"));
    EXPECT_THAT(refusal("two_calls.limit=0"), HasSubstr(" Wanted: A limit."));
}

TEST_F(Settings, that_are_not_toml_are_refused)
{
    EXPECT_THAT(refusal("two_calls.limit=yes please"), HasSubstr("is not TOML"));
    EXPECT_THAT(refusal("two_calls.limit=1\nmore = 2"), HasSubstr("more than one value"));
    EXPECT_THAT(refusal("two_calls.limit="), HasSubstr("is not TOML"));
}

TEST_F(Settings, need_plugin_key_and_value)
{
    for (const char *wrong : {"", "two_calls", "two_calls.limit", "limit=1", ".limit=1", "two_calls.=1"}) {
        EXPECT_THAT(refusal(wrong), HasSubstr("PLUGIN.KEY=VALUE")) << wrong;
    }
}

TEST_F(Settings, of_a_plugin_without_a_schema_are_refused)
{
    auto &other = plugins_.load(DEPUTY_TEST_PLUGINS_DIR "/no_op.so");
    EXPECT_EQ(settings_.json(other), "{}");
    settings_.set("no_op.limit=1");
    EXPECT_THROW(settings_.json(other), std::runtime_error);
}

} // namespace
