// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>

#include "base/event_loop.hpp"
#include "intake/arrival.hpp"
#include "intake/socket_config.hpp"

namespace deputyd
{

/// What takes what came: throws std::runtime_error with the reason for the log if it cannot be served.
/// @param fd an OCI listener, known to be a seccomp notify descriptor, or a connection of LXC's monitor with
///        its first request unread.
using arrival_sink = std::function<void(const arrival &what, deputy::unique_fd fd)>;

/// One connection to a socket, until its message is complete or it has failed.
class connection
{
public:
    virtual ~connection() = default;
};

/// How much a peer may make us hold and wait.
struct intake_limits {
    std::size_t connections = 4096;                 ///< of one socket: idle LXC containers stay connected
    std::size_t connections_of_user = 64;           ///< not for root
    std::size_t message_size = 4u << 20;            ///< bytes of one OCI state
    std::chrono::milliseconds message_time{10'000}; ///< from its first byte to its last
    std::chrono::milliseconds silence{10 * 60 *
                                      1000}; ///< before the first: crun connects at create, speaks at start
    std::chrono::milliseconds linger{1000};  ///< after the last: what still comes is an error
};

/// Accepts on one listening socket. Main thread.
class acceptor
{
public:
    /// @param listening non-blocking. @param sink outlives this.
    acceptor(event_loop &loop, socket_config socket, deputy::unique_fd listening, const arrival_sink &sink,
             intake_limits limits = {});
    ~acceptor();
    acceptor(const acceptor &) = delete;
    acceptor &operator=(const acceptor &) = delete;

    const socket_config &config() const { return socket_; }
    void use(socket_config socket) { socket_ = std::move(socket); } ///< for connections that come
    std::size_t connections() const { return connections_.size(); }

private:
    struct held {
        std::unique_ptr<connection> peer;
        uid_t uid;
    };
    void accept_all();
    void take(deputy::unique_fd fd);
    bool has_room(const peer &who);

    event_loop &loop_;
    socket_config socket_;
    deputy::unique_fd listening_;
    const arrival_sink &sink_;
    intake_limits limits_;
    std::map<std::uint64_t, held> connections_;
    std::uint64_t next_ = 0;
};

/// Makes the connection of an OCI runtime.
/// @param done called once, later, when it can be destroyed.
std::unique_ptr<connection> make_oci_connection(event_loop &loop, const socket_config &socket,
                                                const peer &who, deputy::unique_fd fd,
                                                const arrival_sink &sink, const intake_limits &limits,
                                                std::function<void()> done);
/// Makes the connection of LXC's monitor.
std::unique_ptr<connection> make_lxc_connection(event_loop &loop, const socket_config &socket,
                                                const peer &who, deputy::unique_fd fd,
                                                const arrival_sink &sink, const intake_limits &limits,
                                                std::function<void()> done);

} // namespace deputyd
