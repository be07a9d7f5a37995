// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <filesystem>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <deputy/plugin.hpp>

namespace deputyd::test
{

/// A Unix socket that anyone may connect to.
inline deputy::unique_fd listen_at(const std::filesystem::path &path)
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
    deputy::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(fd.get(), reinterpret_cast<sockaddr *>(&name), sizeof name) != 0 ||
        ::listen(fd.get(), 4) != 0) {
        return {};
    }
    ::chmod(path.c_str(), 0777);
    return fd;
}

/// The next connection, or none after ten seconds.
inline deputy::unique_fd accept_from(const deputy::unique_fd &listening)
{
    pollfd ready{listening.get(), POLLIN, 0};
    return ::poll(&ready, 1, 10'000) == 1
               ? deputy::unique_fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC))
               : deputy::unique_fd();
}

/// A descriptor sent over a connection, or none after ten seconds.
inline deputy::unique_fd receive_descriptor(const deputy::unique_fd &from)
{
    pollfd ready{from.get(), POLLIN, 0};
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::poll(&ready, 1, 10'000) != 1 || ::recvmsg(from.get(), &message, MSG_CMSG_CLOEXEC) != 1 ||
        CMSG_FIRSTHDR(&message) == nullptr) {
        return {};
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return deputy::unique_fd(fd);
}

inline bool send_descriptor(const deputy::unique_fd &to, const deputy::unique_fd &what)
{
    char byte = 'f';
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = what.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return ::sendmsg(to.get(), &message, MSG_NOSIGNAL) == 1;
}

} // namespace deputyd::test
