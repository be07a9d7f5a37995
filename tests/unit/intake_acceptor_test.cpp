// SPDX-License-Identifier: Apache-2.0
#include "intake/acceptor.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/supervised.hpp"

namespace
{

using deputy::unique_fd;
using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string creating = R"({"ociVersion":"1.0.2","fds":["seccompFd"],"pid":7,)"
                             R"("state":{"id":"web","status":"creating","pid":7,"bundle":"/b"}})";

/// One end of a connection as a runtime has it.
class client
{
public:
    client(const std::string &path, int type) : fd_(socket(AF_UNIX, type | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    }
    void send(const std::string &text, const std::vector<int> &fds = {}) const
    {
        std::vector<char> control(fds.empty() ? 0 : CMSG_SPACE(sizeof(int) * fds.size()));
        iovec part{const_cast<char *>(text.data()), text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!fds.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr *c = CMSG_FIRSTHDR(&message);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
            std::memcpy(CMSG_DATA(c), fds.data(), sizeof(int) * fds.size());
        }
        EXPECT_EQ(sendmsg(fd_.get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    void end() const { shutdown(fd_.get(), SHUT_WR); }
    /// Whether the other side has closed.
    bool closed() const
    {
        char c = 0;
        return recv(fd_.get(), &c, 1, MSG_DONTWAIT) == 0;
    }

private:
    unique_fd fd_;
};

class Acceptor : public testing::Test
{
protected:
    deputy_test::supervised child_{[] { return 0; }};
    unique_fd listener_ = child_.take_listener();
    std::string path_ = testing::TempDir() + "deputy-acceptor-" + std::to_string(getpid());
    deputyd::event_loop loop_;
    std::vector<deputyd::arrival> arrived_;
    std::vector<unique_fd> fds_;
    std::string refuse_;
    deputyd::arrival_sink sink_ = [this](const deputyd::arrival &a, unique_fd fd) {
        if (!refuse_.empty()) {
            throw std::runtime_error(refuse_);
        }
        arrived_.push_back(a);
        fds_.push_back(std::move(fd));
    };
    deputyd::intake_limits limits_;
    std::optional<deputyd::acceptor> acceptor_;

    void listen(deputyd::protocol speaks = deputyd::protocol::oci)
    {
        unlink(path_.c_str());
        const int type = speaks == deputyd::protocol::oci ? SOCK_STREAM : SOCK_SEQPACKET;
        unique_fd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        ASSERT_EQ(::listen(fd.get(), 64), 0);
        deputyd::socket_config config{"oci.sock", speaks, path_, {"nested", "build"}, "nested", {}, {}};
        acceptor_.emplace(loop_, config, std::move(fd), sink_, limits_);
    }
    void TearDown() override
    {
        acceptor_.reset();
        unlink(path_.c_str());
    }
    client runtime(int type = SOCK_STREAM) const { return {path_, type}; }
    /// Runs the loop until the condition holds.
    template <class Condition> void until(Condition condition)
    {
        std::function<void()> look = [&] { condition() ? loop_.stop() : void(loop_.after(1ms, look)); };
        look();
        loop_.run();
    }
};

TEST_F(Acceptor, takes_a_listener_as_soon_as_its_message_is_whole)
{
    listen();
    const client c = runtime();
    c.send(creating, {listener_.get()}); // and stays connected, as runc does
    until([&] { return arrived_.size() == 1; });
    EXPECT_EQ(arrived_[0].key, "web");
    EXPECT_EQ(arrived_[0].selected, "");
    EXPECT_EQ(arrived_[0].pid, 7);
    EXPECT_EQ(arrived_[0].sender.uid, getuid());
    EXPECT_GE(fds_[0].get(), 0);
}

TEST_F(Acceptor, takes_a_message_in_parts)
{
    listen();
    const client c = runtime();
    c.send(creating.substr(0, 1), {listener_.get()});
    for (std::size_t i = 1; i < creating.size(); ++i) {
        c.send(creating.substr(i, 1));
        loop_.after(0ms, [&] { loop_.stop(); });
        loop_.run();
    }
    c.send("\n");
    until([&] { return arrived_.size() == 1; });
    c.end();
    until([&] { return acceptor_->connections() == 0; });
}

TEST_F(Acceptor, takes_a_message_from_a_peer_that_closes_at_once)
{
    listen();
    std::optional<client> c = runtime();
    c->send(creating, {listener_.get()});
    c.reset();
    until([&] { return arrived_.size() == 1; });
}

TEST_F(Acceptor, waits_for_a_runtime_that_connects_early)
{
    listen();
    const client early = runtime();
    until([&] { return acceptor_->connections() == 1; });
    const client other = runtime();
    other.send(creating, {listener_.get()});
    until([&] { return arrived_.size() == 1; });
    early.send(creating, {listener_.get()});
    until([&] { return arrived_.size() == 2; });
}

TEST_F(Acceptor, takes_along_what_a_peer_selects_and_what_its_socket_allows)
{
    listen();
    const client good = runtime();
    good.send(R"({"fds":["seccompFd"],"metadata":"policy=build","state":{"id":"a"}})", {listener_.get()});
    until([&] { return arrived_.size() == 1; });
    EXPECT_EQ(arrived_[0].selected, "build");
    EXPECT_THAT(arrived_[0].policies, testing::ElementsAre("nested", "build"));
    EXPECT_EQ(arrived_[0].default_policy, "nested");
}

TEST_F(Acceptor, closes_what_is_no_state_of_a_container)
{
    listen();
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const unique_fd owned(null);
    const unique_fd fake(memfd_create("anon_inode:seccomp notify", MFD_CLOEXEC));
    const std::vector<std::pair<std::string, std::vector<int>>> wrong = {
        {creating, {}},                                             // no descriptor
        {creating, {null}},                                         // not a listener
        {creating, {fake.get()}},                                   // only its name
        {"{]", {listener_.get()}},                                  // not JSON
        {creating + creating, {listener_.get()}},                   // two at once
        {R"({"fds":["x"],"state":{"id":"a"}})", {listener_.get()}}, // not named
        {creating, std::vector<int>(40, listener_.get())},          // too many
    };
    for (const auto &[text, fds] : wrong) {
        const client c = runtime();
        c.send(text, fds);
        until([&] { return c.closed(); });
        until([&] { return acceptor_->connections() == 0; });
    }
    EXPECT_TRUE(arrived_.empty());
}

TEST_F(Acceptor, closes_after_a_second_message)
{
    listen();
    const client c = runtime();
    c.send(creating, {listener_.get()});
    until([&] { return arrived_.size() == 1; });
    c.send(creating, {listener_.get()});
    until([&] { return c.closed(); });
    EXPECT_EQ(arrived_.size(), 1u);
}

TEST_F(Acceptor, closes_when_the_container_cannot_be_served)
{
    listen();
    refuse_ = "refused on purpose";
    const client c = runtime();
    c.send(creating, {listener_.get()});
    until([&] { return c.closed(); });
}

TEST_F(Acceptor, closes_a_peer_that_says_nothing_or_does_not_end)
{
    limits_.silence = 20ms;
    limits_.message_time = 20ms;
    listen();
    const client silent = runtime();
    const client slow = runtime();
    slow.send("{");
    until([&] { return silent.closed() && slow.closed(); });
}

TEST_F(Acceptor, closes_a_message_that_is_too_long)
{
    limits_.message_size = 1000;
    listen();
    const client c = runtime();
    c.send("{\"a\":\"" + std::string(2000, 'x'));
    until([&] { return c.closed(); });
}

TEST_F(Acceptor, takes_no_more_connections_than_it_may_hold)
{
    limits_.connections = 2;
    listen();
    const client a = runtime();
    const client b = runtime();
    const client c = runtime();
    until([&] { return c.closed(); });
    EXPECT_EQ(acceptor_->connections(), 2u);
    EXPECT_FALSE(a.closed());
}

TEST_F(Acceptor, leaks_no_descriptor)
{
    listen();
    const std::size_t before = deputy_test::open_descriptors();
    for (int i = 0; i < 20; ++i) {
        const client c = runtime();
        c.send(i % 2 == 0 ? creating : "{]", {listener_.get(), listener_.get()});
        c.end();
        until([&] { return acceptor_->connections() == 0 && c.closed(); });
    }
    fds_.clear();
    deputy_test::wait_until([&] { return deputy_test::open_descriptors() == before; });
}

/// A request of LXC's monitor.
std::string lxc_request(const std::string &cookie)
{
    std::string bytes(136, '\0');
    const auto put = [&](std::size_t offset, auto value) {
        std::memcpy(bytes.data() + offset, &value, sizeof value);
    };
    put(8, std::int32_t{100});
    put(12, std::int32_t{200});
    put(16, std::uint16_t{80});
    put(18, std::uint16_t{24});
    put(20, std::uint16_t{64});
    put(24, std::uint64_t{cookie.size()});
    return bytes + cookie;
}

TEST_F(Acceptor, hands_on_the_monitor_of_lxc_if_it_is_root_with_its_request_unread)
{
    listen(deputyd::protocol::lxc);
    const client monitor = runtime(SOCK_SEQPACKET);
    until([&] { return acceptor_->connections() == 1; });
    monitor.send(lxc_request("policy=build name=web"), {listener_.get(), listener_.get(), listener_.get()});
    if (geteuid() != 0) { // one that is not root is not believed
        until([&] { return monitor.closed(); });
        EXPECT_TRUE(arrived_.empty());
        return;
    }
    until([&] { return arrived_.size() == 1; });
    EXPECT_EQ(arrived_[0].name, "web");
    EXPECT_EQ(arrived_[0].selected, "build");
    EXPECT_EQ(arrived_[0].pid, 200);
    std::array<char, 256> request{};
    EXPECT_EQ(recv(fds_[0].get(), request.data(), request.size(), 0), 157);
}

TEST_F(Acceptor, closes_a_monitor_that_speaks_otherwise)
{
    listen(deputyd::protocol::lxc);
    for (const std::string &wrong : {std::string("hello"), std::string(9000, 'x')}) {
        const client monitor = runtime(SOCK_SEQPACKET);
        monitor.send(wrong);
        until([&] { return monitor.closed(); });
    }
    EXPECT_TRUE(arrived_.empty());
}

} // namespace
