// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/errno_name.hpp"
#include "base/json_text.hpp"
#include "control/views.hpp"
#include "observe/audit.hpp"
#include "support/control_schema.hpp"

namespace deputyd
{
namespace
{

// A cgroup's name may be any bytes, and an ordinary user's to choose.
TEST(control_views, a_cgroup_whose_name_is_no_utf8_can_be_told)
{
    const container_entry entry{1, "web", "nested", "oci.sock", "/user\xff", {}};
    const std::string text = json_text(view_of_containers({entry}, {}));
    EXPECT_EQ(nlohmann::json::parse(text)["containers"][0]["cgroup"], "/user\xef\xbf\xbd");
}

TEST(control_views, containers_are_as_the_published_schema_says)
{
    host_numbers numbers;
    container_numbers busy;
    busy.of = std::make_shared<container>(container{1, "web", 0});
    call_statistics calls;
    calls.add(nullptr, ending::error, EPERM, std::chrono::microseconds(3));
    calls.add(nullptr, ending::lost, 3999, std::chrono::hours(1));
    busy.calls = calls.read();
    numbers.containers.push_back(busy);
    const auto said = view_of_containers(
        {{1, "web", "nested", "oci.sock", "/c", {}}, {2, "\xff", "nested", "oci.sock", "/c", {}}}, numbers);
    EXPECT_EQ(said["containers"][0]["calls"], 2);
    EXPECT_EQ(test::complaint("containers", nlohmann::json::parse(json_text(said))), "");
    EXPECT_EQ(test::complaint("containers", view_of_containers({}, {})), "");
}

TEST(control_views, statistics_are_as_the_published_schema_says)
{
    host_numbers numbers;
    call_statistics calls;
    calls.add(nullptr, ending::value, 0, std::chrono::nanoseconds(0));
    numbers.of_gone = calls.read();
    EXPECT_EQ(test::complaint("statistics", view_of_statistics(numbers, plugin_set({}))), "");
}

TEST(control_views, traced_and_audited_calls_are_as_the_published_schema_says)
{
    call_report r;
    r.handler = "none";
    r.args.fill(UINT64_MAX);
    for (std::size_t i = 0; i < endings; ++i) {
        r.how = static_cast<ending>(i);
        EXPECT_EQ(test::complaint("trace_line", json_of(r)), "");
    }
    r.pid = r.uid = 5;
    r.error = EPERM;
    r.value = INT64_MIN;
    EXPECT_EQ(test::complaint("trace_line", json_of(r)), "");
    constexpr bool may_have_more = false; // it is a call with something beside
    EXPECT_EQ(test::complaint("audit_line", nlohmann::json::parse(audit_line(r, false, 3, audit_form::json)),
                              may_have_more),
              "");
    EXPECT_NE(test::complaint("audit_line", json_of(r), may_have_more), "");
    EXPECT_EQ(test::complaint("trace_line", {{"dropped", 7}}), "");
    EXPECT_NE(test::complaint("trace_line", {{"dropped", -1}}), "");
    EXPECT_NE(test::complaint("trace_line", {{"missed", 7}}), "");
    EXPECT_NE(test::complaint("containers", {{"containers", {{{"id", 1}}}}}), "");
}

TEST(control_views, errnos_have_names_where_linux_has)
{
    EXPECT_EQ(errno_name(1), "EPERM");
    EXPECT_EQ(errno_name(3999), "3999");
}

} // namespace
} // namespace deputyd
