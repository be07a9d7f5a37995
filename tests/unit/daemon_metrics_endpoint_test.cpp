// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "daemon/metrics_endpoint.hpp"
#include "support/tcp.hpp"

namespace deputyd
{
namespace
{

using testing::HasSubstr;

class metrics_endpoint_at : public testing::TestWithParam<const char *>
{
protected:
    event_loop loop_;
    metrics_endpoint endpoint_{loop_, [] { return "answer 42\n"; }};
};

TEST_P(metrics_endpoint_at, answers_metrics_and_nothing_else)
{
    const loopback_address where = test::free_port(GetParam());
    endpoint_.commit(endpoint_.prepare(where));
    EXPECT_THAT(test::http_get(where, "/metrics"), HasSubstr("\r\n\r\nanswer 42\n"));
    EXPECT_THAT(test::http_get(where, "/v1/containers"), HasSubstr(" 404 "));
    EXPECT_THAT(test::http_get(where, "/"), HasSubstr(" 404 "));
}

TEST_P(metrics_endpoint_at, an_address_is_taken_when_it_is_prepared_and_left_when_another_is_committed)
{
    const loopback_address one = test::free_port(GetParam()), other = test::free_port(GetParam());
    endpoint_.commit(endpoint_.prepare(one));
    {
        const auto dropped = endpoint_.prepare(other);
        EXPECT_THAT(test::http_get(other, "/metrics"), HasSubstr("answer"));
    }
    EXPECT_EQ(test::http_get(other, "/metrics"), "");
    EXPECT_THAT(test::http_get(one, "/metrics"), HasSubstr("answer"));
    endpoint_.commit(endpoint_.prepare(other));
    EXPECT_EQ(test::http_get(one, "/metrics"), "");
    EXPECT_THAT(test::http_get(other, "/metrics"), HasSubstr("answer"));
    endpoint_.commit(endpoint_.prepare(other)); // stays
    EXPECT_THAT(test::http_get(other, "/metrics"), HasSubstr("answer"));
    endpoint_.commit(endpoint_.prepare(std::nullopt));
    EXPECT_EQ(test::http_get(other, "/metrics"), "");
    endpoint_.commit(endpoint_.prepare(other)); // and may come back
    EXPECT_THAT(test::http_get(other, "/metrics"), HasSubstr("answer"));
}

TEST_P(metrics_endpoint_at, an_address_in_use_is_an_error_that_changes_nothing)
{
    const loopback_address mine = test::free_port(GetParam()), taken = test::free_port(GetParam());
    const auto other = test::listen_at(taken);
    endpoint_.commit(endpoint_.prepare(mine));
    try {
        (void)endpoint_.prepare(taken);
        FAIL() << "it listens where another does";
    } catch (const std::runtime_error &e) {
        EXPECT_EQ(e.what(), "the metrics cannot be served at " + taken.text() +
                                ": Address already in use; choose another port");
    }
    EXPECT_THAT(test::http_get(mine, "/metrics"), HasSubstr("answer"));
}

TEST_P(metrics_endpoint_at, who_insists_gets_an_address_once_it_is_free)
{
    const loopback_address where = test::free_port(GetParam());
    auto other = test::listen_at(where);
    endpoint_.insist(where);
    loop_.run_pending();
    other.reset();
    const std::function<void()> look = [&] {
        if (test::http_get(where, "/metrics").empty()) {
            loop_.after(std::chrono::milliseconds(10), look);
        } else {
            loop_.stop();
        }
    };
    look();
    loop_.run();
}

INSTANTIATE_TEST_SUITE_P(loopback, metrics_endpoint_at, testing::Values("127.0.0.1", "::1"),
                         [](const auto &info) { return info.index == 0 ? "v4" : "v6"; });

} // namespace
} // namespace deputyd
