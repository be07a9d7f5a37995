// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// The other end of listenerPath: takes a listener from a container runtime and answers its calls.

#include <atomic>
#include <cerrno>
#include <cstring>
#include <linux/seccomp.h>
#include <mutex>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <deputy/plugin.hpp>
#include <nlohmann/json.hpp>

namespace deputy_test
{

/// Answers every call of one container with an errno, and remembers them.
class listener_agent
{
public:
    struct call {
        int nr;
        std::uint64_t first_argument;
    };

    listener_agent(const std::string &path, int error) : error_(error), stop_(::eventfd(0, EFD_CLOEXEC))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
            ::listen(socket_.get(), 8) != 0) {
            throw std::runtime_error("cannot listen at " + path);
        }
        thread_ = std::thread([this] { serve(); });
    }
    ~listener_agent() { stop(); }
    listener_agent(const listener_agent &) = delete;
    listener_agent &operator=(const listener_agent &) = delete;

    /// Ends it; what it has seen may be asked for then.
    void stop()
    {
        const std::uint64_t one = 1;
        if (thread_.joinable() && ::write(stop_.get(), &one, sizeof one) > 0) {
            thread_.join();
        }
    }
    [[nodiscard]] const std::vector<call> &calls() const { return calls_; }
    [[nodiscard]] bool has_listener() const { return static_cast<bool>(listener_); }
    /// The runtime's message.
    [[nodiscard]] nlohmann::json message() const { return nlohmann::json::parse(text_, nullptr, false); }

private:
    union control {
        cmsghdr header;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    };

    /// Reads what the runtime sends, the descriptor with the first part of it.
    void receive()
    {
        char buffer[4096];
        iovec part{buffer, sizeof buffer};
        control c{};
        msghdr m{};
        m.msg_iov = &part;
        m.msg_iovlen = 1;
        m.msg_control = &c;
        m.msg_controllen = sizeof c;
        const ssize_t n = ::recvmsg(connection_.get(), &m, MSG_CMSG_CLOEXEC);
        if (n <= 0) {
            connection_.reset();
            return;
        }
        text_.append(buffer, static_cast<std::size_t>(n));
        if (const cmsghdr *h = CMSG_FIRSTHDR(&m); h != nullptr && !listener_) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(h), sizeof fd);
            listener_.reset(fd);
        }
    }
    void answer()
    {
        seccomp_notif request{};
        if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) {
            return;
        }
        calls_.push_back({request.data.nr, request.data.args[0]});
        seccomp_notif_resp response{};
        response.id = request.id;
        response.error = -error_;
        ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
    void serve()
    {
        bool has_hung_up = false;
        for (;;) {
            pollfd fds[] = {{stop_.get(), POLLIN, 0},
                            {connection_ ? -1 : socket_.get(), POLLIN, 0},
                            {connection_ ? connection_.get() : -1, POLLIN, 0},
                            {listener_ && !has_hung_up ? listener_.get() : -1, POLLIN, 0}};
            if (::poll(fds, std::size(fds), -1) < 0 || fds[0].revents != 0) {
                return;
            }
            if (fds[1].revents != 0) {
                connection_.reset(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            }
            if (fds[2].revents != 0) {
                receive();
            }
            if ((fds[3].revents & POLLIN) != 0) {
                answer();
            } else if (fds[3].revents != 0) {
                has_hung_up = true;
            }
        }
    }

    int error_;
    deputy::unique_fd stop_, socket_, connection_, listener_;
    std::string text_;
    std::vector<call> calls_;
    std::thread thread_;
};

} // namespace deputy_test
