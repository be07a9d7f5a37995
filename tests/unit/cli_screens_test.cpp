// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/screens.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;
using testing::HasSubstr;

json container(std::uint64_t calls, const json &latency)
{
    return json::parse(R"({"containers": [{"id": 1, "name": "web", "policy": "nested", "socket": "/run/s",
                            "cgroup": "/c", "since": 1000, "listeners": 2, "in_flight": 1, "waiting": 2,
                            "errors": 0, "handlers": []}]})")
        .patch(json::array(
            {{{"op", "add"}, {"path", "/containers/0/calls"}, {"value", calls}},
             {{"op", "add"},
              {"path", "/containers/0/handlers/0"},
              {"value",
               {{"handler", "mknod.mknodat"}, {"calls", calls}, {"errors", 1}, {"latency", latency}}}}}));
}

TEST(cli_table, aligns_columns_and_escapes_what_is_no_text)
{
    EXPECT_EQ(table_text("lr", {{"NAME", "N"}, {"a\x1b[31m", "100"}, {"b", "1"}}), "NAME         N\n"
                                                                                   "a\\x1b[31m  100\n"
                                                                                   "b            1\n");
}

TEST(cli_table, has_no_blanks_at_the_end_of_a_line)
{
    EXPECT_EQ(table_text("ll", {{"A", "LONGER"}, {"x", "y"}, {"z"}}), "A  LONGER\nx  y\nz\n");
}

TEST(cli_table, counts_characters_and_not_bytes)
{
    EXPECT_EQ(table_text("lr", {{"NAME", "N"}, {"b\u00fcro", "1"}}), "NAME  N\nb\u00fcro  1\n");
    EXPECT_EQ(columns_of("b\u00fcro"), 4U);
    EXPECT_EQ(first_columns("b\u00fcro", 2), "b\u00fc");
    EXPECT_EQ(first_columns("b\u00fcro", 0), "");
    EXPECT_EQ(first_columns("b\u00fcro", 9), "b\u00fcro");
}

TEST(cli_table, shortens_the_widest_text_where_a_line_is_too_long)
{
    const std::vector<std::vector<std::string>> rows = {
        {"NAME", "KIND", "N"}, {std::string(64, 'a'), std::string(20, 'b'), "12345"}};
    EXPECT_EQ(table_text("llr", rows, 98), table_text("llr", rows));
    EXPECT_EQ(table_text("llr", rows, 40), "NAME             KIND                  N\n"
                                           "aaaaaaaaaaaa...  bbbbbbbbbbbbb...  12345\n");
    // A short id of a container is readable however narrow it is.
    EXPECT_EQ(table_text("llr", rows, 5), table_text("llr", rows, 33));
    EXPECT_THAT(table_text("llr", rows, 5), HasSubstr("\naaaaaaaaa...  bbbbbbbbb...  12345\n"));
}

TEST(cli_terminal, a_frame_is_cut_where_the_terminal_ends)
{
    EXPECT_EQ(frame_text("one\ntwo\n", {}), "\x1b[H\x1b[Kone\n\x1b[Ktwo\n\x1b[J");
    EXPECT_EQ(frame_text("a\u00fcxyz\n\nlast\n", {2, 3}), "\x1b[H\x1b[Ka\u00fc\n\x1b[K\n\x1b[J");
    EXPECT_EQ(frame_text("", {80, 24}), "\x1b[H\x1b[J");
    EXPECT_EQ(frame_text("one\n", {80, 1}), "\x1b[H\x1b[J");
}

TEST(cli_screens, fit_a_narrow_terminal_as_far_as_their_numbers_do)
{
    json long_name = container(7, json::array());
    long_name["containers"][0]["name"] = std::string(64, 'f');
    const auto widest = [](const std::string &text) {
        std::size_t most = 0;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            most = std::max(most, line.size());
        }
        return most;
    };
    EXPECT_EQ(widest(ps_screen(long_name, 0, 80)), 80U);
    EXPECT_EQ(widest(top_screen(long_name, long_name, std::chrono::duration<double>(1), 80)), 80U);
    EXPECT_GT(widest(ps_screen(long_name, 0)), 100U);
}

TEST(cli_screens, ps_has_a_line_a_container)
{
    EXPECT_EQ(ps_screen(container(7, json::array()), 1000 + 7200),
              "CONTAINER  POLICY  SOCKET  LISTENERS  CALLS  ERRORS  IN FLIGHT  AGE\n"
              "web        nested  /run/s          2      7       0          3   2h\n");
}

TEST(cli_screens, ages_have_one_unit)
{
    const auto age = [](std::int64_t seconds) {
        const std::string text = ps_screen(container(0, json::array()), 1000 + seconds);
        return text.substr(text.rfind(' ') + 1);
    };
    EXPECT_EQ(age(-3), "0s\n"); // the clock was set
    EXPECT_EQ(age(59), "59s\n");
    EXPECT_EQ(age(60), "1m\n");
    EXPECT_EQ(age(3600 * 49), "2d\n");
}

TEST(cli_screens, top_shows_what_happened_in_between)
{
    const std::string text = top_screen(container(10, {0, 0, 10}), container(30, {0, 0, 10, 20}),
                                        std::chrono::duration<double>(2));
    EXPECT_THAT(text, HasSubstr("containers: 1, calls/s: 10, errors/s: 0, in flight: 3\n"));
    EXPECT_THAT(text, HasSubstr("CONTAINER  HANDLER        CALLS/S  ERRORS/S     P50     P99\n"
                                "web        mknod.mknodat       10         0  3.07us  3.07us\n"));
}

TEST(cli_screens, top_takes_a_new_container_from_its_beginning)
{
    const json nobody = {{"containers", json::array()}};
    EXPECT_THAT(top_screen(nobody, container(30, {30}), std::chrono::duration<double>(1)),
                HasSubstr("mknod.mknodat       30         1  1.02us"));
    EXPECT_THAT(top_screen(container(30, {30}), nobody, std::chrono::duration<double>(1)),
                HasSubstr("containers: 0, calls/s: 0"));
}

TEST(cli_screens, stats_shows_handlers_and_counters)
{
    const json statistics = json::parse(R"({"version": "9", "containers": 1, "threads": 2,
        "handlers": [{"handler": "open.openat", "calls": 5, "errors": 2, "p50_us": 12.5, "p99_us": 2500,
                      "endings": {"failed": 1, "late": 1, "lost": 3}}],
        "plugins": [{"name": "open", "counters": [{"name": "matched", "help": "Opens.", "value": 4}]}]})");
    EXPECT_EQ(stats_screen(statistics), "deputyd 9, containers: 1, threads that serve: 2\n\n"
                                        "HANDLER      CALLS  ERRORS  FAILED  LOST     P50    P99\n"
                                        "open.openat      5       2       2     3  12.5us  2.5ms\n\n"
                                        "COUNTER       VALUE  MEANING\n"
                                        "open.matched      4  Opens.\n");
}

} // namespace
} // namespace deputyd
