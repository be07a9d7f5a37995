// SPDX-License-Identifier: Apache-2.0
#include "launch/launch_link.hpp"

#include <cstring>
#include <sys/socket.h>

#include "launch/fail.hpp"

namespace deputyd
{

std::pair<launch_link, launch_link> launch_link::make()
{
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "make a socket pair");
    return {launch_link(ends[0]), launch_link(ends[1])};
}

void launch_link::send(step what, int fd, std::int32_t number, std::string_view text) const
{
    message m{what, number, {}};
    text.copy(m.text, sizeof m.text - 1);
    iovec data{&m, sizeof m};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (fd >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    while (sendmsg(fd_.get(), &header, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) {
            fail("talk to the starting container");
        }
    }
}

std::optional<launch_link::received> launch_link::receive() const
{
    received r{};
    iovec data{&r.m, sizeof r.m};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t n;
    while ((n = recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    if (n < 0 && errno != ECONNRESET) {
        fail("hear from the starting container");
    }
    if (n != sizeof r.m) {
        return std::nullopt;
    }
    r.m.text[sizeof r.m.text - 1] = '\0';
    if (const cmsghdr *c = CMSG_FIRSTHDR(&header); c != nullptr && c->cmsg_type == SCM_RIGHTS) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
        r.fd.reset(fd);
    }
    return r;
}

} // namespace deputyd
