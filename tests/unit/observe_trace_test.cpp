// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "observe/call_report.hpp"
#include "observe/trace.hpp"

namespace deputyd
{
namespace
{

using namespace std::chrono_literals;
using testing::HasSubstr;

call_report report(ending how = ending::value)
{
    call_report r;
    r.at = std::chrono::system_clock::time_point(1000000250ms);
    r.container = "web";
    r.tid = 12;
    r.command = "sh";
    r.handler = "mknod.mknodat";
    r.args = {1, 2, 3, 4, 5, 0x10};
    r.how = how;
    r.took = 35us;
    return r;
}

std::string line(const call_report &r)
{
    const std::string text = trace_line(json_of(r));
    return text.substr(text.find(' ') + 1); // the time is of the zone
}

TEST(observe_trace, a_line_has_what_strace_shows)
{
    call_report r = report();
    EXPECT_EQ(line(r), "web[12] sh mknod.mknodat(0x1, 0x2, 0x3, 0x4, 0x5, 0x10) = 0 <35us>");
    EXPECT_THAT(trace_line(json_of(r)), testing::ContainsRegex("^[0-9][0-9]:46:40.250000 "));
    r.object = "\"/dev/null\", 020666, c 1:3";
    EXPECT_EQ(line(r), "web[12] sh mknod.mknodat(\"/dev/null\", 020666, c 1:3) = 0 <35us>");
    r.how = ending::error;
    r.error = EPERM;
    r.reason = "no rule";
    EXPECT_THAT(line(r), HasSubstr(") = -1 EPERM (no rule) <35us>"));
    r.how = ending::late;
    EXPECT_THAT(line(r), HasSubstr(") = -1 EPERM [late] (no rule) <35us>"));
    r.how = ending::descriptor;
    EXPECT_THAT(line(r), HasSubstr(") = descriptor (no rule)"));
}

TEST(observe_trace, no_control_character_reaches_the_terminal)
{
    call_report r = report();
    r.container = r.command = r.object = r.reason = "a\x1b[2J\nb";
    EXPECT_THAT(line(r), testing::Not(testing::ContainsRegex("[\x01-\x1f]")));
}

TEST(observe_trace, nobody_is_looked_for_until_somebody_reads)
{
    trace_hub hub;
    EXPECT_FALSE(hub.wanted());
    {
        const auto reader = hub.open({});
        EXPECT_TRUE(hub.wanted());
    }
    EXPECT_FALSE(hub.wanted());
    hub.offer(report());
}

TEST(observe_trace, each_reader_gets_what_it_asked_for)
{
    trace_hub hub;
    const auto all = hub.open({});
    const auto failed = hub.open({.container = "", .syscall = "", .failed = true});
    const auto other = hub.open({.container = "other", .syscall = "", .failed = false});
    const auto by_call = hub.open({.container = "web", .syscall = "mknodat", .failed = false});
    const auto by_part = hub.open({.container = "", .syscall = "nodat", .failed = false});
    const auto by_handler = hub.open({.container = "", .syscall = "mknod.mknodat", .failed = false});
    hub.offer(report());
    hub.offer(report(ending::lost));
    EXPECT_EQ(all->take(0ms).calls.size(), 2U);
    EXPECT_EQ(failed->take(0ms).calls.size(), 1U);
    EXPECT_EQ(other->take(0ms).calls.size(), 0U);
    EXPECT_EQ(by_call->take(0ms).calls.size(), 2U);
    EXPECT_EQ(by_part->take(0ms).calls.size(), 0U);
    EXPECT_EQ(by_handler->take(0ms).calls.size(), 2U);
}

TEST(observe_trace, a_slow_reader_misses_calls_and_hears_how_many)
{
    trace_hub hub;
    const auto reader = hub.open({});
    for (std::size_t i = 0; i < trace_reader::most + 7; ++i) {
        hub.offer(report());
    }
    const auto first = reader->take(0ms);
    EXPECT_EQ(first.calls.size(), trace_reader::most);
    EXPECT_EQ(first.dropped, 7U);
    hub.offer(report());
    const auto next = reader->take(0ms);
    EXPECT_EQ(next.calls.size(), 1U);
    EXPECT_EQ(next.dropped, 0U);
    EXPECT_EQ(hub.dropped(), 7U);
}

} // namespace
} // namespace deputyd
