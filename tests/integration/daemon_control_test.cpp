// SPDX-License-Identifier: Apache-2.0
// What operators see of a deputyd that serves.
#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "integration/daemon.hpp"
#include "support/control_schema.hpp"

namespace deputyd::test
{
namespace
{

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class daemon_control : public testing::Test, public daemon_fixture
{
protected:
    void SetUp() override { ASSERT_TRUE(start()) << daemon->wait().err; }

    fs::path control() const { return sockets() / "control.sock"; }
    outcome ask(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), DEPUTY_BIN_DIR "/deputy");
        arguments.insert(arguments.end(), {"--control", control()});
        return run(arguments);
    }
    json answer(const std::string &command) const
    {
        const outcome o = ask({command, "--json"});
        EXPECT_EQ(o.status, 0) << o.err;
        return json::parse(o.out, nullptr, false);
    }
    /// A call is counted a moment after its caller goes on.
    json handlers_after(std::size_t calls) const
    {
        for (;;) {
            const json all = answer("stats")["handlers"];
            std::size_t n = 0;
            for (const json &h : all) {
                n += h["calls"].get<std::size_t>();
            }
            if (n >= calls) {
                return all;
            }
        }
    }
    /// Ends a container and waits until that is known.
    void end(container_process &c, unique_fd connection, const std::string &name)
    {
        connection.reset();
        c.close_listener();
        c.end();
        ASSERT_TRUE(daemon->wait_error(name + ": gone"));
    }
    /// What a client that speaks HTTP without our help gets.
    std::string get(const std::string &path) const
    {
        const unique_fd connection = connect_to(control(), SOCK_STREAM);
        send_with_fds(connection.get(), "GET " + path + " HTTP/1.0\r\n\r\n", {});
        std::string text;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::read(connection.get(), buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(n));
        }
        return text;
    }
};

TEST_F(daemon_control, ps_shows_the_containers_and_their_calls)
{
    EXPECT_EQ(answer("ps"), json::parse(R"({"containers": []})"));
    container_process web, other;
    auto first = hand_over(web, "web"), second = hand_over(other, "other");
    ASSERT_EQ(web.call(), 42);
    ASSERT_EQ(web.call(SYS_uname), -EXDEV);
    ASSERT_EQ(other.call(), 42);
    handlers_after(3);
    const json all = answer("ps")["containers"];
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["name"], "web");
    EXPECT_EQ(all[0]["policy"], "default");
    EXPECT_EQ(all[0]["listeners"], 1);
    EXPECT_EQ(all[0]["calls"], 2);
    EXPECT_EQ(all[0]["errors"], 1);
    EXPECT_EQ(all[0]["handlers"].size(), 2U);
    EXPECT_EQ(all[1]["calls"], 1);
    EXPECT_THAT(ask({"ps"}).out,
                testing::ContainsRegex("\nweb +default +[^ ]*oci.sock +1 +2 +1 +0 +[0-9]+s\n"));
    end(web, std::move(first), "web");
    EXPECT_EQ(answer("ps")["containers"].size(), 1U);
}

TEST_F(daemon_control, stats_keep_what_containers_did_that_are_gone)
{
    container_process web;
    auto connection = hand_over(web, "web");
    ASSERT_EQ(web.call(), 42);
    ASSERT_EQ(web.call(SYS_uname), -EXDEV);
    end(web, std::move(connection), "web");
    const json all = handlers_after(2);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["handler"], "two_calls.getppid");
    EXPECT_EQ(all[0]["endings"]["value"], 1);
    EXPECT_EQ(all[1]["handler"], "two_calls.uname");
    EXPECT_EQ(all[1]["errnos"], json::parse(R"({"EXDEV": 1})"));
    EXPECT_GT(all[1]["p50_us"].get<double>(), 0);
    EXPECT_THAT(ask({"stats"}).out, AllOf(HasSubstr("two_calls.uname"), HasSubstr("P99")));
}

TEST_F(daemon_control, top_shows_a_container_at_work)
{
    container_process web;
    const auto connection = hand_over(web, "web");
    std::atomic<bool> enough{false};
    std::thread caller([&] {
        while (!enough) {
            web.call();
        }
    });
    const outcome o = ask({"top", "--count", "2", "--interval", "0.2"});
    enough = true;
    caller.join();
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("containers: 1, calls/s: "));
    EXPECT_THAT(o.out, testing::ContainsRegex("web +two_calls.getppid +[1-9][0-9]* +0 +[0-9.]+.?s"));
}

TEST_F(daemon_control, trace_prints_calls_as_they_end)
{
    container_process web;
    const auto connection = hand_over(web, "web");
    process trace({DEPUTY_BIN_DIR "/deputy", "trace", "--failed", "--count", "1", "--control", control()});
    std::atomic<bool> enough{false};
    std::thread caller([&] { // until it is there
        while (!enough) {
            web.call();
            web.call(SYS_uname);
        }
    });
    const outcome o = trace.wait();
    enough = true;
    caller.join();
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out,
                testing::ContainsRegex(
                    "^[0-9:.]+ web.[0-9]+. [^ ]+ two_calls.uname.0x[0-9a-f, x]+. = -1 EXDEV <[0-9]+us>\n$"));
}

TEST_F(daemon_control, a_trace_that_is_stopped_or_killed_holds_up_no_call)
{
    container_process web;
    const auto connection = hand_over(web, "web");
    process trace({DEPUTY_BIN_DIR "/deputy", "trace", "--json", "--control", control()});
    std::atomic<bool> enough{false};
    std::thread caller([&] { // until it is there
        while (!enough) {
            web.call();
        }
    });
    EXPECT_TRUE(trace.wait_output("two_calls.getppid"));
    enough = true;
    caller.join();
    trace.kill(SIGSTOP);
    for (int i = 0; i < 6000; ++i) {
        ASSERT_EQ(web.call(), 42);
    }
    trace.kill(SIGKILL);
    ASSERT_EQ(web.call(), 42);
    const std::string lines = trace.wait().out;
    EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n')))["value"], 42);
}

TEST_F(daemon_control, hostile_clients_hold_up_no_call)
{
    container_process web;
    const auto connection = hand_over(web, "web");
    std::vector<unique_fd> clients;
    const auto client = [&](const std::string &says) {
        clients.push_back(connect_to(control(), SOCK_STREAM));
        send_with_fds(clients.back().get(), says, {});
    };
    client("GET /v1/trace HTTP/1.1\r\n\r\n"); // and never reads
    client("GET /v1/trace HTTP/1.1\r\n\r\n");
    client("GET /v1/con");
    client("GET /metrics HTTP/1.1\r\nX: " + std::string(50'000, 'x'));
    client("POST /v1/trace HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\nabc");
    client(std::string(64, '\0'));
    std::atomic<bool> enough{false};
    std::thread dribbles([&] {
        const unique_fd fd = connect_to(control(), SOCK_STREAM);
        while (!enough && ::send(fd.get(), "x", 1, MSG_NOSIGNAL) == 1) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    });
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_EQ(web.call(), 42);
    }
    EXPECT_EQ(answer("ps")["containers"].size(), 1U); // they are there still
    enough = true;
    dribbles.join();
    clients.clear();
    ASSERT_EQ(web.call(), 42);
}

TEST_F(daemon_control, answers_are_as_the_published_schema_says)
{
    EXPECT_EQ(complaint("containers", answer("ps")), "");
    EXPECT_EQ(complaint("statistics", answer("stats")), "");
    configure("[policy.default.enable]\nthrows = true\ntwo_calls = [\"uname\"]\n");
    daemon->kill(SIGHUP);
    ASSERT_TRUE(daemon->wait_error("read again"));
    container_process web;
    const auto connection = hand_over(web, "web");
    process trace({DEPUTY_BIN_DIR "/deputy", "trace", "--json", "--count", "3", "--control", control()});
    std::atomic<bool> enough{false};
    std::thread caller([&] { // until it is there
        while (!enough) {
            web.call();
            web.call(SYS_uname);
        }
    });
    const outcome traced = trace.wait();
    enough = true;
    caller.join();
    EXPECT_EQ(complaint("containers", answer("ps")), "");
    EXPECT_EQ(complaint("statistics", answer("stats")), "");
    std::istringstream lines(traced.out);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(complaint("trace_line", json::parse(line)), "");
    }
    ASSERT_TRUE(daemon->wait_error("\"verdict\":\"refused\"}\n")); // the end of a line
    const std::string log = daemon->so_far().err;
    const auto begin = log.find("audit: ") + 7;
    constexpr bool may_have_more = false;
    EXPECT_EQ(
        complaint("audit_line", json::parse(log.substr(begin, log.find('\n', begin) - begin)), may_have_more),
        "");
}

TEST_F(daemon_control, refusals_are_in_the_audit_log_with_a_limit)
{
    configure("[policy.default.enable]\nthrows = true\n");
    daemon->kill(SIGHUP);
    ASSERT_TRUE(daemon->wait_error("read again"));
    container_process web;
    const auto connection = hand_over(web, "web");
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(web.call(), -EPERM);
    }
    ASSERT_TRUE(daemon->wait_error("\"verdict\":\"refused\"}\n")); // the end of a line
    const std::string log = daemon->so_far().err;
    const auto begin = log.find("audit: ") + 7;
    const json line = json::parse(log.substr(begin, log.find('\n', begin) - begin));
    EXPECT_EQ(line["verdict"], "refused");
    EXPECT_EQ(line["container"], "web");
    EXPECT_EQ(line["handler"], "throws.getppid");
    EXPECT_EQ(line["ending"], "failed");
    EXPECT_TRUE(line.contains("uid"));
    EXPECT_EQ(line["pid"], web.pid());
    EXPECT_TRUE(line.contains("time"));
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = log.find("audit: ", at)) != log.npos; ++at) {
        ++lines;
    }
    EXPECT_LT(lines, 100U);
    handlers_after(100);
    const std::string metrics = get("/metrics");
    EXPECT_THAT(metrics, testing::ContainsRegex("\ndeputy_audit_suppressed_lines_total [1-9][0-9]*\n"));
    EXPECT_THAT(metrics, HasSubstr("\ndeputy_plugin_failures_total{plugin=\"throws\"} 100\n"));
}

TEST_F(daemon_control, the_audit_log_is_what_the_last_configuration_says)
{
    const std::string throws_on = "[policy.default.enable]\nthrows = true\n";
    container_process web;
    const auto reload = [&](const std::string &audit) {
        configure(throws_on + "[audit]\n" + audit);
        daemon->forget();
        daemon->kill(SIGHUP);
        ASSERT_TRUE(daemon->wait_error("read again"));
    };
    reload("format = \"text\"\n");
    const auto connection = hand_over(web, "web");
    ASSERT_EQ(web.call(), -EPERM);
    ASSERT_TRUE(daemon->wait_error("audit: refused "));
    ASSERT_TRUE(daemon->wait_error("us>\n"));
    EXPECT_THAT(
        daemon->so_far().err,
        testing::ContainsRegex("audit: refused [0-9T:.-]+Z pid=" + std::to_string(web.pid()) +
                               " uid=[0-9]+ web.[0-9]+. [^ ]+ throws.getppid.0x.* = -1 EPERM .failed. "));
    reload("enabled = false\n");
    ASSERT_EQ(web.call(), -EPERM);
    handlers_after(2);
    reload("format = \"json\"\n");
    EXPECT_THAT(daemon->so_far().err, testing::Not(HasSubstr("audit: ")));
    ASSERT_EQ(web.call(), -EPERM);
    ASSERT_TRUE(daemon->wait_error("audit: {"));
}

TEST_F(daemon_control, metrics_are_what_prometheus_takes)
{
    container_process web;
    const auto connection = hand_over(web, "web");
    ASSERT_EQ(web.call(), 42);
    ASSERT_EQ(web.call(SYS_uname), -EXDEV);
    handlers_after(2);
    const std::string answer = get("/metrics");
    EXPECT_THAT(answer, HasSubstr("200 OK"));
    const std::string text = answer.substr(answer.find("\r\n\r\n") + 4);
    EXPECT_THAT(text, HasSubstr("deputy_calls_total{handler=\"two_calls.getppid\",ending=\"value\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("deputy_call_errors_total{handler=\"two_calls.uname\",errno=\"EXDEV\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("deputy_containers 1\n"));
    EXPECT_THAT(text, HasSubstr("deputy_listeners_queued 0\n"));
    EXPECT_THAT(text, HasSubstr("deputy_plugin_failures_total{plugin=\"two_calls\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("deputy_trace_dropped_calls_total 0\n"));
    EXPECT_THAT(text, HasSubstr("deputy_audit_suppressed_lines_total 0\n"));
    EXPECT_THAT(text, HasSubstr("deputy_host_restarts_total 0\n"));
    EXPECT_THAT(text, HasSubstr("deputy_build_info{version=\""));
    std::ofstream(directory / "metrics") << text;
    const outcome checked =
        run({"/bin/sh", "-c", "promtool check metrics <" + (directory / "metrics").string()});
    EXPECT_EQ(checked.status, 0) << checked.out << checked.err;
    EXPECT_EQ(checked.out + checked.err, "");
}

TEST_F(daemon_control, is_for_root_alone_and_there_again_with_a_new_host)
{
    struct stat status {
    };
    ASSERT_EQ(::stat(control().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    const pid_t old = host();
    daemon->kill(SIGUSR1);
    next_host(old);
    ASSERT_TRUE(daemon->wait_error("the host is replaced"));
    EXPECT_EQ(answer("ps"), json::parse(R"({"containers": []})"));
    EXPECT_THAT(get("/metrics"), HasSubstr("\ndeputy_host_restarts_total 1\n"));
}

TEST_F(daemon_control, without_a_daemon_the_reason_is_said)
{
    daemon->kill(SIGTERM);
    EXPECT_EQ(daemon->wait().status, 0);
    const outcome o = ask({"ps"});
    EXPECT_EQ(o.status, 125);
    EXPECT_THAT(o.err, HasSubstr("is deputyd running"));
}

} // namespace
} // namespace deputyd::test
