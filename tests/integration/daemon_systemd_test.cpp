// SPDX-License-Identifier: Apache-2.0
// deputyd as a service of systemd, which is played by the test: notices, socket activation, the store.
#include <algorithm>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/daemon.hpp"
#include "support/notify_socket.hpp"

namespace deputyd::test
{
namespace
{

class daemon_systemd_test : public testing::Test, public daemon_fixture
{
protected:
    notify_socket systemd_{directory / "notify"};

    /// Starts it as systemd does, with these descriptors.
    void start_service(const std::vector<std::pair<std::string, int>> &passed)
    {
        std::string names;
        std::string redirections;
        int number = 3;
        for (const auto &[name, fd] : passed) {
            ::fcntl(fd, F_SETFD, 0);
            names += (names.empty() ? "" : ":") + name;
            redirections += " " + std::to_string(number++) + "<&" + std::to_string(fd);
        }
        std::vector<std::string> argv = {
            "bash", "-c", "exec" + redirections + "; export LISTEN_PID=$$; exec \"$@\"", "bash"};
        if (redirections.empty()) {
            argv[2] = "exec \"$@\"";
        }
        for (const auto &word : command()) {
            argv.push_back(word);
        }
        run_options options;
        options.env = {"PATH=/usr/bin:/bin", "NOTIFY_SOCKET=" + systemd_.path(), "WATCHDOG_USEC=2000000",
                       "LISTEN_FDS=" + std::to_string(passed.size()), "LISTEN_FDNAMES=" + names};
        daemon.emplace(argv, options);
        for (const auto &[name, fd] : passed) {
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
    /// A descriptor with a number that no redirection overwrites.
    static unique_fd high(unique_fd fd) { return unique_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 200)); }
};

TEST_F(daemon_systemd_test, tells_when_it_serves_that_it_lives_and_when_it_ends)
{
    start_service({});
    ASSERT_TRUE(systemd_.wait_for("READY", "1")) << daemon->wait().err;
    EXPECT_TRUE(systemd_.wait_for("WATCHDOG", "1"));
    daemon->kill(SIGHUP);
    EXPECT_TRUE(systemd_.wait_for("RELOADING", "1"));
    EXPECT_TRUE(systemd_.wait_for("READY", "1"));
    daemon->kill(SIGTERM);
    EXPECT_TRUE(systemd_.wait_for("STOPPING", "1"));
    EXPECT_EQ(daemon->wait().status, 0);
}

TEST_F(daemon_systemd_test, serves_on_a_socket_that_it_is_passed)
{
    fs::create_directory(sockets());
    unique_fd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, (sockets() / "oci.sock").c_str(), sizeof a.sun_path - 1);
    ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr *>(&a), sizeof a), 0);
    ASSERT_EQ(::listen(listening.get(), 16), 0);
    listening = high(std::move(listening));
    container_process c;
    const auto connection = hand_over(c, "early"); // before the daemon is there
    c.begin();
    start_service({{"oci.sock", listening.get()}});
    EXPECT_EQ(c.result(), 42);
}

TEST_F(daemon_systemd_test, goes_on_with_what_systemd_kept_after_its_keeper_was_killed)
{
    start_service({});
    ASSERT_TRUE(systemd_.wait_for("READY", "1"));
    container_process c;
    const auto connection = hand_over(c, "web");
    ASSERT_EQ(c.call(), 42);
    c.close_listener();
    // The host gave the keeper the listener before it served it; the keeper passes it on a moment later.
    const auto is_listener = [](const auto &entry) { return entry.first.starts_with("kept-listener-"); };
    while (std::none_of(systemd_.stored().begin(), systemd_.stored().end(), is_listener)) {
        systemd_.drain();
    }
    const pid_t old = host();
    daemon->kill(SIGKILL);
    daemon->wait();
    while (::kill(old, 0) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    systemd_.drain();
    c.begin();
    std::vector<unique_fd> kept;
    std::vector<std::pair<std::string, int>> passed;
    for (const auto &[name, fd] : systemd_.stored()) {
        kept.push_back(high(unique_fd(::dup(fd.get()))));
        passed.emplace_back(name, kept.back().get());
    }
    start_service(passed);
    EXPECT_EQ(c.result(), 42);
    kept.clear();
    container_process next;
    const auto second = hand_over(next, "next");
    EXPECT_EQ(next.call(), 42) << "the socket is the old one";
}

} // namespace
} // namespace deputyd::test
