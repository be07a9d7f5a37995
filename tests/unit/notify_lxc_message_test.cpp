// SPDX-License-Identifier: Apache-2.0
#include "notify/lxc_message.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace
{

using testing::HasSubstr;

/// A request byte by byte as liblxc sends it.
std::vector<std::byte> request(const std::string &cookie, std::size_t longer = 0)
{
    std::vector<std::byte> bytes(32 + 80 + longer + 24 + cookie.size());
    const auto put = [&](std::size_t offset, auto value) {
        std::memcpy(bytes.data() + offset, &value, sizeof value);
    };
    put(8, std::int32_t{100});
    put(12, std::int32_t{200});
    put(16, static_cast<std::uint16_t>(80 + longer));
    put(18, std::uint16_t{24});
    put(20, std::uint16_t{64});
    put(24, std::uint64_t{cookie.size()});
    put(32, std::uint64_t{0x1122334455667788}); // id
    put(40, std::uint32_t{201});                // pid
    put(48, std::int32_t{321});                 // nr
    put(32 + 80 + longer, std::uint64_t{0x1122334455667788});
    std::memcpy(bytes.data() + 32 + 80 + longer + 24, cookie.data(), cookie.size());
    return bytes;
}

std::string refusal(const std::vector<std::byte> &bytes)
{
    deputyd::lxc_request r;
    const char *reason = decode_lxc_request(bytes, r);
    return reason == nullptr ? "accepted" : reason;
}

TEST(LxcMessage, is_read_byte_for_byte)
{
    deputyd::lxc_request r;
    ASSERT_EQ(decode_lxc_request(request("policy=nested"), r), nullptr);
    EXPECT_EQ(r.monitor_pid, 100);
    EXPECT_EQ(r.init_pid, 200);
    EXPECT_EQ(r.notification.id, 0x1122334455667788u);
    EXPECT_EQ(r.notification.pid, 201u);
    EXPECT_EQ(r.notification.data.nr, 321);
    EXPECT_EQ(r.cookie, "policy=nested");
    ASSERT_EQ(decode_lxc_request(request(""), r), nullptr);
    EXPECT_EQ(r.cookie, "");
}

TEST(LxcMessage, may_hold_longer_structs_of_a_newer_kernel)
{
    deputyd::lxc_request r;
    auto bytes = request("c", 16);
    ASSERT_EQ(decode_lxc_request(bytes, r), nullptr);
    EXPECT_EQ(r.cookie, "c");
    EXPECT_EQ(deputyd::encode_lxc_response(bytes, {r.notification.id, 0, -1, 0}), 32u + 96 + 24);
}

TEST(LxcMessage, is_answered_without_its_cookie)
{
    auto bytes = request("policy=nested");
    const seccomp_notif_resp response{0x1122334455667788, 5, -13, 0};
    ASSERT_EQ(deputyd::encode_lxc_response(bytes, response), 136u);
    EXPECT_EQ(std::memcmp(bytes.data() + 112, &response, sizeof response), 0);
    const auto before = request("policy=nested");
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 112, before.begin()));
}

TEST(LxcMessage, of_another_size_is_refused)
{
    const auto whole = request("abc");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_NE(refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), "accepted")
            << size;
    }
    auto longer = whole;
    longer.push_back({});
    EXPECT_THAT(refusal(longer), HasSubstr("sum of its parts"));
    auto huge = whole;
    std::memset(huge.data() + 24, 0xff, 8);
    EXPECT_THAT(refusal(huge), HasSubstr("sum of its parts"));
}

TEST(LxcMessage, of_an_unknown_version_is_refused)
{
    auto bytes = request("");
    bytes[0] = std::byte{1};
    EXPECT_THAT(refusal(bytes), HasSubstr("reserved"));
    bytes = request("");
    bytes[16] = std::byte{72};
    EXPECT_THAT(refusal(bytes), HasSubstr("smaller"));
    bytes = request("");
    bytes[18] = std::byte{16};
    EXPECT_THAT(refusal(bytes), HasSubstr("smaller"));
}

} // namespace
