// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <deputy/plugin.hpp>

#include "control/client.hpp"
#include "control/server.hpp"

namespace deputyd
{
namespace
{

using testing::HasSubstr;

class control : public testing::Test
{
protected:
    control()
    {
        std::string name = testing::TempDir() + "deputy-XXXXXX";
        directory_ = ::mkdtemp(name.data());
        server_.get("/v1/answer", "application/json", [] { return R"({"is": 42})"; });
        server_.get("/v1/text", "text/plain", [] { return "no JSON"; });
        server_.get("/v1/fails", "application/json",
                    []() -> std::string { throw std::runtime_error("out of order"); });
    }
    ~control() override { std::filesystem::remove_all(directory_); }

    std::filesystem::path socket() const { return directory_ / "control.sock"; }
    /// Before clients come at the same time: the first request makes what the library keeps for ever, and no
    /// thread sanitizer sees that others wait for that.
    void start()
    {
        server_.start(socket());
        EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
    }
    std::string refusal(const std::string &path)
    {
        try {
            ask_daemon(socket(), path);
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "";
    }
    /// A client that says something, or nothing, and waits.
    deputy::unique_fd client(std::string_view says)
    {
        deputy::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket().string().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
        EXPECT_EQ(::write(fd.get(), says.data(), says.size()), static_cast<ssize_t>(says.size()));
        return fd;
    }

    /// @return an invalid one if nobody takes it now.
    deputy::unique_fd connect_without_waiting() const
    {
        deputy::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket().string().copy(address.sun_path, sizeof address.sun_path - 1);
        if (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
            fd.reset();
        }
        return fd;
    }
    static std::string rest_of(const deputy::unique_fd &fd)
    {
        std::string text;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(n));
        }
        return text;
    }

    std::filesystem::path directory_;
    control_server server_;
};

TEST_F(control, answers_what_it_is_asked)
{
    server_.start(socket());
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
}

TEST_F(control, is_for_its_owner_alone)
{
    const mode_t before = ::umask(0);
    server_.start(socket());
    ::umask(before);
    struct stat status {
    };
    ASSERT_EQ(::stat(socket().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(control, replaces_the_socket_of_an_earlier_one)
{
    server_.start(socket());
    control_server next;
    next.get("/v1/answer", "application/json", [] { return R"({"is": 43})"; });
    next.start(socket());
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 43);
}

TEST_F(control, says_why_it_cannot_be_made)
{
    EXPECT_THROW(server_.start(directory_ / "nowhere" / "control.sock"), std::runtime_error);
}

TEST_F(control, clients_hear_what_is_wrong)
{
    EXPECT_THAT(refusal("/v1/answer"), HasSubstr("is deputyd running"));
    std::ofstream(socket()) << "";
    EXPECT_THAT(refusal("/v1/answer"), HasSubstr("is deputyd running"));
    server_.start(socket());
    EXPECT_THAT(refusal("/v1/unknown"), HasSubstr("status 404"));
    EXPECT_THAT(refusal("/v1/fails"), HasSubstr("out of order"));
    EXPECT_THAT(refusal("/v1/text"), HasSubstr("no deputyd"));
}

TEST_F(control, an_answer_may_go_on_until_its_reader_has_enough)
{
    server_.stream("/v1/stream", "text/plain", [](const control_server::parameters &p) {
        return [from = p.find("from")->second, n = 0]() mutable {
            return ++n % 2 == 0 ? std::string() : from + std::to_string(n) + "\n";
        };
    });
    server_.start(socket());
    std::vector<std::string> lines;
    read_daemon(socket(), "/v1/stream?from=%61", [&](const std::string &line) {
        lines.push_back(line);
        return lines.size() < 3;
    });
    EXPECT_THAT(lines, testing::ElementsAre("a1", "a3", "a5"));
    EXPECT_THROW(read_daemon(socket(), "/v1/unknown", [](const std::string &) { return true; }),
                 std::runtime_error);
}

TEST_F(control, only_so_many_answers_go_on_at_once)
{
    std::atomic<int> readers{0};
    server_.stream("/v1/stream", "text/plain", [&](const control_server::parameters &) {
        return [place = std::shared_ptr<void>(nullptr, [&](void *) { --readers; }), &readers,
                begun = false]() mutable {
            readers += begun ? 0 : 1;
            begun = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return std::string("line\n");
        };
    });
    start();
    {
        const auto first = client("GET /v1/stream HTTP/1.1\r\n\r\n");
        const auto second = client("GET /v1/stream HTTP/1.1\r\n\r\n");
        while (readers != 2) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        EXPECT_THROW(read_daemon(socket(), "/v1/stream", [](const std::string &) { return false; }),
                     std::runtime_error);
        EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
    }
    const auto until_all_have_left = [&] {
        while (readers != 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    };
    until_all_have_left(); // those who have gone leave their places
    read_daemon(socket(), "/v1/stream", [](const std::string &) { return false; });
    until_all_have_left();
}

TEST_F(control, slow_and_broken_clients_hold_up_nobody)
{
    start();
    std::vector<deputy::unique_fd> idle;
    for (int i = 0; i < 3; ++i) {
        idle.push_back(client(""));
    }
    client("GET /v1/answer HT");
    client(std::string(100000, 'x'));
    client("POST /v1/answer HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n");
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
}

/// Sends the same again and again. @return how many bytes were taken before the server ended it, or most.
std::size_t send_on(int fd, std::string_view piece, std::size_t most, std::chrono::milliseconds pause)
{
    std::size_t sent = 0;
    while (sent < most) {
        const ssize_t n = ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL);
        if (n < 0) {
            break;
        }
        sent += static_cast<std::size_t>(n);
        std::this_thread::sleep_for(pause);
    }
    return sent;
}

TEST_F(control, a_request_that_comes_a_byte_at_a_time_is_not_waited_for)
{
    start();
    std::vector<std::thread> senders;
    std::atomic<int> ended{0};
    constexpr std::size_t more_than_comes_in_time = 6000; // and less than a header may have
    for (int i = 0; i < 8; ++i) {
        senders.emplace_back([&] {
            const auto fd = client("GET /v1/answer HTTP/1.1\r\nX: ");
            ended += send_on(fd.get(), "x", more_than_comes_in_time, std::chrono::milliseconds(5)) <
                             more_than_comes_in_time
                         ? 1
                         : 0;
        });
    }
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
    for (auto &s : senders) {
        s.join();
    }
    EXPECT_EQ(ended, 8);
}

TEST_F(control, a_request_without_end_is_not_read)
{
    start();
    const auto headers = client("GET /v1/answer HTTP/1.1\r\n");
    constexpr std::size_t much = 100'000'000;
    EXPECT_LT(send_on(headers.get(), "X-Header: y\r\n", much, {}), much);
    const auto line = client("GET /");
    EXPECT_LT(send_on(line.get(), std::string(4096, 'x'), much, {}), much);
    const auto body = client("POST /v1/answer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_LT(send_on(body.get(), "5\r\nhello\r\n", much, {}), much);
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
}

TEST_F(control, an_answer_is_given_once_however_often_it_is_asked_for)
{
    server_.start(socket());
    std::string ranges = "GET /v1/answer HTTP/1.1\r\nRange: bytes=0-";
    for (int i = 0; i < 1000; ++i) {
        ranges += ",0-";
    }
    const std::string answer = rest_of(client(ranges + "\r\n\r\n"));
    EXPECT_THAT(answer, HasSubstr("200 OK"));
    EXPECT_LT(answer.size(), 1000U);
}

TEST_F(control, only_reading_is_a_method)
{
    server_.start(socket());
    for (const char *method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
        EXPECT_THAT(
            rest_of(client(std::string(method) + " /v1/answer HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")),
            HasSubstr(" 405 "));
    }
    EXPECT_THAT(rest_of(client("HEAD /v1/answer HTTP/1.1\r\n\r\n")), HasSubstr("200 OK"));
}

TEST_F(control, a_change_comes_by_post_alone_with_a_body_of_its_own_size)
{
    server_.post("/v1/change", "application/json", [](const control_server::request &r) {
        if (r.body.empty()) {
            throw bad_request("nothing is to be changed: say what");
        }
        return r.body;
    });
    server_.start(socket());
    EXPECT_EQ(tell_daemon(socket(), "/v1/change", R"({"on": true})")["on"], true);
    try {
        tell_daemon(socket(), "/v1/change", "");
        ADD_FAILURE() << "accepted";
    } catch (const std::runtime_error &e) {
        EXPECT_STREQ(e.what(), "nothing is to be changed: say what");
    }
    EXPECT_THAT(rest_of(client("GET /v1/change HTTP/1.1\r\n\r\n")), HasSubstr(" 405 "));
    EXPECT_THAT(rest_of(client("POST /v1/change HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: "
                               "3\r\n\r\nabc")),
                HasSubstr(" 415 "));
    const std::string much(100'000, 'x');
    EXPECT_THROW(tell_daemon(socket(), "/v1/change", much), std::runtime_error);
}

TEST_F(control, connections_wait_in_the_kernel_beyond_a_few)
{
    start();
    std::vector<deputy::unique_fd> idle;
    int connected = 0;
    for (int i = 0; i < 500; ++i) {
        idle.push_back(connect_without_waiting());
        connected += idle.back() ? 1 : 0;
    }
    EXPECT_LT(connected, 50);
    idle.clear();
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
}

TEST_F(control, who_does_not_read_an_answer_that_goes_on_loses_it)
{
    std::atomic<int> readers{0}, over{0};
    server_.stream("/v1/stream", "text/plain", [&](const control_server::parameters &) {
        ++readers;
        return [end = std::shared_ptr<void>(nullptr, [&](void *) { ++over; })] {
            return std::string(100'000, 'x') + "\n";
        };
    });
    start();
    const auto first = client("GET /v1/stream HTTP/1.1\r\n\r\n");
    const auto second = client("GET /v1/stream HTTP/1.1\r\n\r\n");
    while (readers != 2) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(ask_daemon(socket(), "/v1/answer")["is"], 42);
    const auto until_over = [&](int streams) {
        while (over != streams) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    };
    until_over(2);
    read_daemon(socket(), "/v1/stream", [](const std::string &) { return false; });
    until_over(3);
}

} // namespace
} // namespace deputyd
