// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <deputy/plugin.hpp>

#include "base/loopback_address.hpp"

namespace deputyd::test
{

struct tcp_name {
    explicit tcp_name(const loopback_address &where)
    {
        if (where.is_v6()) {
            auto &a = reinterpret_cast<sockaddr_in6 &>(storage);
            a.sin6_family = AF_INET6;
            a.sin6_port = htons(where.port);
            ::inet_pton(AF_INET6, where.host.c_str(), &a.sin6_addr);
            size = sizeof a;
        } else {
            auto &a = reinterpret_cast<sockaddr_in &>(storage);
            a.sin_family = AF_INET;
            a.sin_port = htons(where.port);
            ::inet_pton(AF_INET, where.host.c_str(), &a.sin_addr);
            size = sizeof a;
        }
    }
    sockaddr *address() { return reinterpret_cast<sockaddr *>(&storage); }

    sockaddr_storage storage{};
    socklen_t size = 0;
};

inline deputy::unique_fd tcp_socket(const loopback_address &where)
{
    return deputy::unique_fd(::socket(where.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/// Somebody else who listens there.
inline deputy::unique_fd listen_at(const loopback_address &where)
{
    tcp_name name(where);
    deputy::unique_fd fd = tcp_socket(where);
    if (::bind(fd.get(), name.address(), name.size) != 0 || ::listen(fd.get(), 1) != 0) {
        throw std::runtime_error("listen at " + where.text() + ": " + std::strerror(errno));
    }
    return fd;
}

/// An address with a port that nobody has now.
inline loopback_address free_port(const std::string &host)
{
    const loopback_address any{host, 0};
    const deputy::unique_fd fd = listen_at(any);
    tcp_name name(any);
    ::getsockname(fd.get(), name.address(), &name.size);
    const auto &a =
        reinterpret_cast<const sockaddr_in &>(name.storage); // the port is at the same place in both
    return {host, ntohs(a.sin_port)};
}

/// @return an invalid one if nobody listens there.
inline deputy::unique_fd tcp_connect(const loopback_address &where)
{
    tcp_name name(where);
    deputy::unique_fd fd = tcp_socket(where);
    if (::connect(fd.get(), name.address(), name.size) != 0) {
        fd.reset();
    }
    return fd;
}

/// Does not wait until somebody accepts.
inline deputy::unique_fd tcp_begin_to_connect(const loopback_address &where)
{
    tcp_name name(where);
    deputy::unique_fd fd = tcp_socket(where);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    (void)::connect(fd.get(), name.address(), name.size);
    return fd;
}

/// The whole answer; empty if nobody answers.
inline std::string http_get(const loopback_address &where, const std::string &path)
{
    const deputy::unique_fd fd = tcp_connect(where);
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    if (!fd || ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        return "";
    }
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

} // namespace deputyd::test
