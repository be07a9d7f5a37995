// SPDX-License-Identifier: Apache-2.0
#include "launch/launch_link.hpp"

#include <cerrno>
#include <sys/socket.h>

#include "base/passed_fds.hpp"
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
    const std::int32_t r = send_fds(fd_.get(), {&data, 1}, {&fd, fd >= 0 ? 1U : 0U});
    if (r < 0) {
        fail("talk to the starting container", -r);
    }
}

std::optional<launch_link::received> launch_link::receive() const
{
    received r{};
    const ssize_t n = receive_fds(fd_.get(), std::as_writable_bytes(std::span(&r.m, 1)), std::span(&r.fd, 1));
    if (n < 0 && n != -ECONNRESET) {
        fail("hear from the starting container", static_cast<int>(-n));
    }
    if (n != sizeof r.m) {
        return std::nullopt;
    }
    r.m.text[sizeof r.m.text - 1] = '\0';
    return r;
}

} // namespace deputyd
