// SPDX-License-Identifier: Apache-2.0
// What callers get whose call no handler takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "caller/denied_calls.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::ending;
using deputyd::host;
using testing::StartsWith;

std::shared_ptr<const deputyd::container> denying(const char *word)
{
    auto c = std::make_shared<deputyd::container>(*container(1));
    c->denied = std::make_shared<const deputyd::denied_calls>(deputyd::parse_denied(word));
    return c;
}

/// A container whose handler for quotactl() takes 1 and passes 2.
class notify_unhandled : public testing::Test
{
protected:
    notify_unhandled()
    {
        plugin_.on(1, [](auto *, const auto &, auto &a) { return reply(a, 5); });
        plugin_.on(2, [](auto *, const auto &, auto &) { return DEPUTY_PASS; });
    }
    functional_plugin plugin_;
};

TEST_F(notify_unhandled, get_the_profiles_errno_and_are_told_of)
{
    supervised child([] {
        const bool right = call(1) == 5 && call(2) == -ENOLCK && call(3) == -ENOLCK &&
                           ::syscall(SYS_mknodat, 7, 0, 0, 0) == -1 && errno == ENOSYS;
        return right ? 0 : 1;
    });
    host h({});
    const auto reader = h.trace({.container = "", .syscall = "", .failed = true});
    h.serve(denying("ENOSYS/quotactl:ENOLCK"), plugin_.table(), child.take_listener());
    EXPECT_EQ(child.run(), 0);
    EXPECT_TRUE(h.wait_gone(1, 10s));
    const auto calls = reader->take(10s).calls;
    ASSERT_EQ(calls.size(), 3U);
    for (const auto &c : calls) {
        EXPECT_EQ(c.how, ending::error);
        EXPECT_EQ(c.handler, "none");
        EXPECT_EQ(c.reason, "the profile denies it");
    }
    EXPECT_THAT(calls[0].object, StartsWith("quotactl on "));
    EXPECT_THAT(calls[2].object, StartsWith("mknodat on "));
    EXPECT_EQ(calls[2].error, ENOSYS);
}

TEST_F(notify_unhandled, get_EPERM_where_the_profile_does_not_deny_them)
{
    supervised child([] { return call(2) == -EPERM && call(3) == -EPERM ? 0 : 1; });
    host h({});
    const auto reader = h.trace({});
    h.serve(denying("ENOSYS/quotactl"), plugin_.table(), child.take_listener());
    EXPECT_EQ(child.run(), 0);
    EXPECT_TRUE(h.wait_gone(1, 10s));
    const auto calls = reader->take(10s).calls;
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(calls[1].reason, "");
    EXPECT_THAT(calls[1].object, StartsWith("quotactl on "));
}

TEST_F(notify_unhandled, get_EPERM_without_a_word_from_the_profile)
{
    supervised child([] { return call(2) == -EPERM && call(3) == -EPERM ? 0 : 1; });
    host h({});
    h.serve(container(1), plugin_.table(), child.take_listener());
    EXPECT_EQ(child.run(), 0);
}

} // namespace
