// SPDX-License-Identifier: Apache-2.0
#include "base/passed_fds.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace deputyd
{

std::int32_t send_fds(int socket, std::span<iovec> parts, std::span<const int> fds, int flags) noexcept
{
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_passed_fds)> control{};
    if (fds.size() > most_passed_fds) {
        return -EMSGSIZE;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    }
    while (::sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

ssize_t receive_fds(int socket, std::span<std::byte> data, std::span<deputy::unique_fd> fds) noexcept
{
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_passed_fds)> control{};
    iovec part{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = 0;
    while ((n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    std::size_t came = 0;
    const cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c != nullptr && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        came = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < came; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            deputy::unique_fd owned{fd};
            if (i < fds.size()) {
                fds[i] = std::move(owned);
            }
        }
    }
    const bool cut = (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 || came > fds.size();
    return cut ? -EMSGSIZE : n;
}

} // namespace deputyd
