// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "observe/audit.hpp"

namespace deputyd
{
namespace
{

using namespace std::chrono_literals;
using nlohmann::json;

call_report report()
{
    call_report r;
    r.at = std::chrono::system_clock::time_point(1000000250ms);
    r.container = "web";
    r.tid = 12;
    r.pid = 11;
    r.uid = 100000;
    r.command = "sh";
    r.handler = "mknod.mknodat";
    r.object = "\"/dev/null\", 020666, c 1:3";
    r.how = ending::value;
    r.took = 35us;
    return r;
}

std::string every_byte()
{
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    return all;
}

TEST(observe_audit, text_is_a_line_with_what_the_container_cannot_choose_first)
{
    call_report r = report();
    EXPECT_EQ(audit_line(r, true, 0, audit_form::text),
              "granted 1970-01-12T13:46:40.250000Z pid=11 uid=100000 web[12] sh "
              "mknod.mknodat(\"/dev/null\", 020666, c 1:3) = 0 <35us>");
    r.how = ending::error;
    r.error = EPERM;
    r.reason = "no rule";
    r.pid = r.uid = std::nullopt;
    EXPECT_EQ(audit_line(r, false, 7, audit_form::text),
              "refused 1970-01-12T13:46:40.250000Z pid=? uid=? unlogged=7 web[12] sh "
              "mknod.mknodat(\"/dev/null\", 020666, c 1:3) = -1 EPERM (no rule) <35us>");
}

TEST(observe_audit, json_has_every_field)
{
    call_report r = report();
    json line = json::parse(audit_line(r, true, 0, audit_form::json));
    EXPECT_EQ(line, json::parse(R"({"verdict": "granted", "time": 1000000.25, "container": "web", "tid": 12,
                                    "pid": 11, "uid": 100000, "command": "sh", "handler": "mknod.mknodat",
                                    "args": [0, 0, 0, 0, 0, 0], "object": "\"/dev/null\", 020666, c 1:3",
                                    "reason": "", "ending": "value", "value": 0, "us": 35.0})"));
    r.how = ending::failed;
    r.error = EPERM;
    line = json::parse(audit_line(r, false, 7, audit_form::json));
    EXPECT_EQ(line["verdict"], "refused");
    EXPECT_EQ(line["errno"], "EPERM");
    EXPECT_EQ(line["unlogged"], 7);
}

TEST(observe_audit, no_byte_that_a_container_chooses_breaks_a_line)
{
    call_report r = report();
    r.container = r.command = r.object = r.reason =
        every_byte() + "\xe2\x80\xa8\"}\n{\"verdict\": \"granted\"";
    for (const audit_form form : {audit_form::json, audit_form::text}) {
        const std::string line = audit_line(r, false, 0, form);
        EXPECT_TRUE(std::none_of(line.begin(), line.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        })) << line;
    }
    const json parsed = json::parse(audit_line(r, false, 0, audit_form::json));
    EXPECT_EQ(parsed["verdict"], "refused");
    EXPECT_EQ(parsed["command"].get<std::string>().substr(0, 0x80), every_byte().substr(0, 0x80));
    const std::string text = audit_line(r, false, 0, audit_form::json);
    EXPECT_TRUE(
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

} // namespace
} // namespace deputyd
