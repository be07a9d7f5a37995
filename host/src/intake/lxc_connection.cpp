// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/log.hpp"
#include "intake/acceptor.hpp"
#include "intake/oci_state.hpp"
#include "notify/lxc_channel.hpp"
#include "notify/lxc_message.hpp"

namespace deputyd
{
namespace
{

/// A connection of LXC's monitor until its first request, which says whose it is; then the sink has it.
/// LXC connects when the container starts and stays connected for its life, so silence is no error.
class lxc_connection : public connection
{
public:
    lxc_connection(event_loop &loop, const socket_config &socket, const peer &who, deputy::unique_fd fd,
                   const arrival_sink &sink, std::function<void()> done)
        : loop_(loop), socket_(socket), who_(who), fd_(std::move(fd)), sink_(sink), done_(std::move(done))
    {
        lxc_channel::stamp(fd_.get());
        loop_.add(fd_.get(), EPOLLIN, [this](std::uint32_t) { look(); });
    }
    ~lxc_connection() override
    {
        if (fd_) {
            loop_.remove(fd_.get());
        }
    }
    lxc_connection(const lxc_connection &) = delete;
    lxc_connection &operator=(const lxc_connection &) = delete;

private:
    /// Reads the first request without taking it, nor its descriptors: the lane receives it whole.
    void look()
    {
        std::array<std::byte, lxc_datagram_limit> datagram{};
        const ssize_t n =
            recv(fd_.get(), datagram.data(), datagram.size(), MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        loop_.remove(fd_.get());
        if (n > 0) {
            try {
                take(std::span(datagram).first(std::min(static_cast<std::size_t>(n), datagram.size())), n);
            } catch (const std::runtime_error &e) {
                // Closing it makes the monitor answer ENOSYS for what waits.
                log().warn("{}: connection of uid {} (pid {}) closed: {}", socket_.name, who_.uid, who_.pid,
                           e.what());
            }
        }
        fd_.reset();
        done_();
    }

    void take(std::span<const std::byte> datagram, ssize_t whole)
    {
        // The kernel attests nothing of a request: a monitor could name any thread as the caller.
        if (who_.uid != 0) {
            throw std::runtime_error("LXC's monitor must run as root");
        }
        lxc_request request;
        const char *wrong = static_cast<std::size_t>(whole) > datagram.size()
                                ? "its request is too long"
                                : decode_lxc_request(datagram, request);
        if (wrong != nullptr) {
            throw std::runtime_error(wrong);
        }
        arrival a;
        a.socket = socket_.name;
        a.key = fmt::format("{}/{}", request.monitor_pid, request.init_pid);
        const std::string name = name_word(request.cookie);
        a.name = name.empty() ? fmt::format("lxc-{}", request.init_pid) : escaped(name);
        a.selected = policy_word(request.cookie);
        a.cookie = request.cookie;
        a.policies = socket_.policies;
        a.default_policy = socket_.default_policy;
        a.denied = denied_by(denied_word(request.cookie));
        a.sender = who_;
        a.pid = request.init_pid;
        sink_(a, std::move(fd_));
    }

    event_loop &loop_;
    const socket_config socket_;
    const peer who_;
    deputy::unique_fd fd_;
    const arrival_sink &sink_;
    std::function<void()> done_;
};

} // namespace

std::unique_ptr<connection> make_lxc_connection(event_loop &loop, const socket_config &socket,
                                                const peer &who, deputy::unique_fd fd,
                                                const arrival_sink &sink, const intake_limits &,
                                                std::function<void()> done)
{
    return std::make_unique<lxc_connection>(loop, socket, who, std::move(fd), sink, std::move(done));
}

} // namespace deputyd
