// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <thread>

#include "caller/turn.hpp"

namespace
{

using deputyd::call_state;
using deputyd::turn;

TEST(caller_turn, the_watchdog_cannot_answer_once_the_owner_replies)
{
    turn t;
    t.begin();
    const auto w = t.load();
    EXPECT_TRUE(t.take_reply());
    EXPECT_FALSE(t.answer_for(w));
    EXPECT_TRUE(t.end());
}

TEST(caller_turn, the_owner_cannot_reply_once_the_watchdog_has_answered)
{
    turn t;
    t.begin();
    EXPECT_TRUE(t.answer_for(t.load()));
    EXPECT_TRUE(t.answered());
    EXPECT_FALSE(t.take_reply());
    EXPECT_TRUE(t.end());
    EXPECT_FALSE(t.answered());
}

TEST(caller_turn, what_was_seen_of_one_call_decides_nothing_of_the_next)
{
    turn t;
    t.begin();
    const auto old = t.load();
    t.take_reply();
    t.end();
    EXPECT_FALSE(t.replace(old));
    t.begin();
    EXPECT_FALSE(t.answer_for(old));
    EXPECT_FALSE(t.replace(old));
    EXPECT_EQ(turn::number_of(t.load()), turn::number_of(old) + 1);
}

TEST(caller_turn, a_replaced_owner_may_still_reply_but_not_receive)
{
    turn t;
    t.begin();
    const auto w = t.load();
    EXPECT_TRUE(t.replace(w));
    EXPECT_TRUE(turn::is_replaced(t.load()));
    EXPECT_TRUE(t.take_reply());
    EXPECT_FALSE(t.end());
    EXPECT_EQ(turn::state_of(t.load()), call_state::receiving);
}

TEST(caller_turn, a_replaced_owner_can_be_answered_for)
{
    turn t;
    t.begin();
    t.replace(t.load());
    EXPECT_TRUE(t.answer_for(t.load()));
    EXPECT_FALSE(t.take_reply());
    EXPECT_FALSE(t.end());
}

TEST(caller_turn, of_owner_and_watchdog_exactly_one_answers)
{
    for (int i = 0; i < 200; ++i) {
        turn t;
        t.begin();
        bool other = false;
        std::thread watchdog([&] { other = t.answer_for(t.load()); });
        const bool own = t.take_reply();
        watchdog.join();
        EXPECT_NE(own, other);
    }
}

} // namespace
