// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/errno_name.hpp"
#include "base/json_text.hpp"
#include "control/views.hpp"

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

TEST(control_views, errnos_have_names_where_linux_has)
{
    EXPECT_EQ(errno_name(1), "EPERM");
    EXPECT_EQ(errno_name(3999), "3999");
}

} // namespace
} // namespace deputyd
