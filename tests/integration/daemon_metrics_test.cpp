// SPDX-License-Identifier: Apache-2.0
// What Prometheus gets of a deputyd over TCP.
#include <csignal>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "integration/daemon.hpp"
#include "support/tcp.hpp"

namespace deputyd::test
{
namespace
{

using nlohmann::json;
using testing::HasSubstr;

constexpr const char *two_calls_on = "[policy.default.enable]\ntwo_calls = true\n";

class daemon_metrics : public testing::Test, public daemon_fixture
{
protected:
    void configure_metrics(const loopback_address &where) const
    {
        configure(two_calls_on + std::string("[metrics]\nlisten = \"") + where.text() + "\"\n");
    }
    void reload(const char *says)
    {
        daemon->forget();
        daemon->kill(SIGHUP);
        ASSERT_TRUE(daemon->wait_error(says));
    }
    static bool answers(const loopback_address &where)
    {
        return http_get(where, "/metrics").find("deputy_containers ") != std::string::npos;
    }
};

TEST_F(daemon_metrics, are_served_where_the_configuration_says)
{
    const auto first = free_port("127.0.0.1"), second = free_port("::1");
    configure_metrics(first);
    ASSERT_TRUE(start()) << daemon->wait().err;
    EXPECT_TRUE(answers(first));
    EXPECT_THAT(http_get(first, "/v1/containers"), HasSubstr(" 404 "));
    configure_metrics(second);
    reload("read again");
    EXPECT_TRUE(answers(second));
    EXPECT_FALSE(answers(first));
    configure(two_calls_on);
    reload("read again");
    EXPECT_FALSE(answers(second));
}

TEST_F(daemon_metrics, an_address_in_use_leaves_the_old_one_at_a_reload)
{
    const auto mine = free_port("127.0.0.1"), taken = free_port("127.0.0.1");
    const auto other = listen_at(taken);
    configure_metrics(mine);
    ASSERT_TRUE(start()) << daemon->wait().err;
    configure_metrics(taken);
    reload("stays as it was: the metrics cannot be served at ");
    EXPECT_TRUE(answers(mine));
}

TEST_F(daemon_metrics, who_has_the_address_keeps_no_container_waiting)
{
    container_process c; // before there is what it would hold open
    const auto taken = free_port("127.0.0.1");
    auto other = std::make_optional(listen_at(taken));
    configure_metrics(taken);
    ASSERT_TRUE(start()) << daemon->wait().err;
    EXPECT_TRUE(daemon->wait_error("the metrics cannot be served at " + taken.text() + ": "));
    const auto connection = hand_over(c, "web");
    EXPECT_EQ(c.call(), 42);
    other.reset();
    while (!answers(taken)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

TEST_F(daemon_metrics, are_there_again_with_a_new_host)
{
    const auto where = free_port("127.0.0.1");
    configure_metrics(where);
    ASSERT_TRUE(start()) << daemon->wait().err;
    const pid_t first = host();
    daemon->kill(SIGUSR1);
    const pid_t second = next_host(first);
    ASSERT_TRUE(daemon->wait_error("the host is replaced"));
    while (!answers(where)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(second, SIGKILL);
    next_host(second);
    while (!answers(where)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

// Any user of the machine can connect.
TEST_F(daemon_metrics, connections_cost_the_host_few_descriptors_and_no_call)
{
    const auto where = free_port("127.0.0.1");
    configure_metrics(where);
    ASSERT_TRUE(start()) << daemon->wait().err;
    container_process web;
    const auto connection = hand_over(web, "web");
    ASSERT_EQ(web.call(), 42);
    const auto descriptors = [&] {
        return std::distance(fs::directory_iterator("/proc/" + std::to_string(host()) + "/fd"), {});
    };
    const auto before = descriptors();
    std::vector<unique_fd> clients;
    for (int i = 0; i < 300; ++i) {
        clients.push_back(tcp_begin_to_connect(where));
    }
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(web.call(), 42);
    }
    EXPECT_LT(descriptors(), before + 20);
    clients.clear();
    EXPECT_TRUE(answers(where));
}

TEST_F(daemon_metrics, prometheus_scrapes_them)
{
    const auto where = free_port("127.0.0.1"), api = free_port("127.0.0.1");
    configure_metrics(where);
    ASSERT_TRUE(start()) << daemon->wait().err;
    container_process web;
    const auto connection = hand_over(web, "web");
    ASSERT_EQ(web.call(), 42);
    std::ofstream(directory / "prometheus.yml")
        << "global: {scrape_interval: 1s}\n"
           "scrape_configs: [{job_name: deputy, static_configs: [{targets: ['"
        << where.text() << "']}]}]\n";
    const process prometheus({"prometheus", "--config.file", directory / "prometheus.yml",
                              "--storage.tsdb.path", directory / "prometheus", "--web.listen-address",
                              api.text(), "--log.level", "error"},
                             {.timeout = std::chrono::seconds(100)});
    // Counts above 0 alone.
    const std::string query = "/api/v1/query?query=deputy_calls_total%3E0";
    json found = json::array();
    while (found.empty()) {
        ASSERT_EQ(::waitpid(prometheus.pid(), nullptr, WNOHANG), 0) << "it has ended";
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const std::string answer = http_get(api, query);
        const json body =
            json::parse(answer.substr(std::min(answer.size(), answer.find("\r\n\r\n"))), nullptr, false);
        if (body.is_object() && body.value("status", "") == "success") {
            found = body["data"]["result"];
        }
    }
    EXPECT_EQ(found[0]["metric"]["handler"], "two_calls.getppid");
    EXPECT_EQ(found[0]["metric"]["ending"], "value");
    EXPECT_EQ(found[0]["value"][1], "1");
}

} // namespace
} // namespace deputyd::test
