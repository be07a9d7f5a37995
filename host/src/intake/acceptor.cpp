// SPDX-License-Identifier: Apache-2.0
#include "intake/acceptor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

peer credentials(int fd)
{
    ucred who{};
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        return {static_cast<uid_t>(-1), static_cast<gid_t>(-1), 0};
    }
    return {who.uid, who.gid, who.pid};
}

} // namespace

acceptor::acceptor(event_loop &loop, socket_config socket, deputy::unique_fd listening,
                   const arrival_sink &sink, intake_limits limits)
    : loop_(loop), socket_(std::move(socket)), listening_(std::move(listening)), sink_(sink), limits_(limits)
{
    loop_.add(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); });
}

acceptor::~acceptor()
{
    loop_.remove(listening_.get());
}

void acceptor::accept_all()
{
    // A bounded number a round: other sockets get their turn during a flood.
    for (int i = 0; i < 16; ++i) {
        deputy::unique_fd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) {
            if (errno != EAGAIN && errno != ECONNABORTED) {
                log().error("{}: cannot accept: {}", socket_.name, std::strerror(errno));
            }
            return;
        }
        take(std::move(fd));
    }
}

bool acceptor::has_room(const peer &who)
{
    if (connections_.size() >= limits_.connections) {
        log().warn("{}: connection of uid {} closed: {} are open, the most there may be", socket_.name,
                   who.uid, connections_.size());
        return false;
    }
    const auto mine = std::count_if(connections_.begin(), connections_.end(),
                                    [&](const auto &entry) { return entry.second.uid == who.uid; });
    if (who.uid != 0 && static_cast<std::size_t>(mine) >= limits_.connections_of_user) {
        log().warn("{}: connection of uid {} closed: it has {} open, the most a user may have", socket_.name,
                   who.uid, mine);
        return false;
    }
    return true;
}

void acceptor::take(deputy::unique_fd fd)
{
    const peer who = credentials(fd.get());
    if (!has_room(who)) {
        return;
    }
    const std::uint64_t id = next_++;
    const auto done = [this, id] { loop_.post([this, id] { connections_.erase(id); }); };
    const auto make = socket_.speaks == protocol::oci ? make_oci_connection : make_lxc_connection;
    connections_.emplace(id, held{make(loop_, socket_, who, std::move(fd), sink_, limits_, done), who.uid});
}

} // namespace deputyd
