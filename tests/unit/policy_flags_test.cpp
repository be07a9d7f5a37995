// SPDX-License-Identifier: Apache-2.0
#include "policy/flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/host.hpp"

namespace
{

using deputyd::flags;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Flags : public testing::Test
{
protected:
    deputyd::plugin_set plugins_{deputyd::plugin_extensions()};
    flags flags_;

    void SetUp() override { plugins_.load(DEPUTY_TEST_PLUGINS_DIR "/two_calls.so"); }

    std::vector<std::string> selected() const
    {
        std::vector<std::string> names;
        for (const auto *h : flags_.select(plugins_)) {
            names.push_back(h->syscall);
        }
        return names;
    }
    std::string refusal() const
    {
        try {
            flags_.select(plugins_);
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "accepted";
    }
};

TEST_F(Flags, select_nothing_at_first)
{
    EXPECT_THAT(selected(), IsEmpty());
    EXPECT_THAT(flags_.plugins(), IsEmpty());
}

TEST_F(Flags, enable_a_whole_plugin)
{
    flags_.enable("two_calls");
    EXPECT_THAT(selected(), ElementsAre("getppid", "uname"));
    EXPECT_THAT(flags_.plugins(), ElementsAre("two_calls"));
}

TEST_F(Flags, enable_one_system_call)
{
    flags_.enable("two_calls.uname");
    EXPECT_THAT(selected(), ElementsAre("uname"));
}

TEST_F(Flags, take_lists_and_the_last_word_counts)
{
    flags_.enable("two_calls,two_calls.uname");
    flags_.disable("two_calls.getppid");
    EXPECT_THAT(selected(), ElementsAre("uname"));
    flags_.enable("two_calls.getppid");
    EXPECT_THAT(selected(), ElementsAre("getppid", "uname"));
    flags_.disable("two_calls");
    EXPECT_THAT(selected(), IsEmpty());
}

TEST_F(Flags, name_the_nearest_plugin_and_system_call)
{
    flags_.enable("two_cals");
    EXPECT_EQ(refusal(), "no plugin two_cals is loaded; did you mean two_calls?");
    flags_ = flags{};
    flags_.enable("two_calls.unam");
    EXPECT_THAT(refusal(),
                HasSubstr("handles no system call unam; did you mean uname? It handles: getppid, uname"));
}

TEST_F(Flags, refuse_what_is_no_name)
{
    for (const char *wrong : {"", ",", "two_calls,", ".uname", "two_calls."}) {
        EXPECT_THROW(flags_.enable(wrong), std::runtime_error) << wrong;
    }
}

} // namespace
