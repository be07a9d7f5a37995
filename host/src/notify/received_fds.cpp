// SPDX-License-Identifier: Apache-2.0
#include "notify/received_fds.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "base/foreign_fds.hpp"

namespace deputyd
{
namespace
{

/// By the real-time clock, which is the kernel's for this. One that was set back says nothing.
std::chrono::nanoseconds since(cmsghdr *stamp) noexcept
{
    timespec then{};
    timespec now{};
    std::memcpy(&then, CMSG_DATA(stamp), sizeof then);
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto passed =
        std::chrono::seconds(now.tv_sec - then.tv_sec) + std::chrono::nanoseconds(now.tv_nsec - then.tv_nsec);
    return std::max<std::chrono::nanoseconds>(passed, std::chrono::nanoseconds{0});
}

} // namespace

ssize_t receive_with_fds(int socket, std::span<std::byte> data, std::vector<deputy::unique_fd> &fds,
                         std::size_t most, int flags, bool &ret_cut, std::chrono::nanoseconds *ret_waited)
{
    constexpr std::size_t kernel_limit = 253; // SCM_MAX_FD
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kernel_limit) + CMSG_SPACE(sizeof(timespec))>
        control{};
    iovec part{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (n < 0) {
        return -errno;
    }
    ret_cut = (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    std::vector<deputy::unique_fd> surplus;
    for (cmsghdr *c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (ret_waited != nullptr && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            *ret_waited = since(c);
        }
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            (fds.size() < most ? fds : surplus).emplace_back(fd);
        }
    }
    ret_cut = ret_cut || !surplus.empty();
    close_foreign(std::move(surplus));
    return n;
}

bool is_seccomp_listener(int fd)
{
    // The name of an anonymous inode: no file, pipe, socket or memfd can have it, since theirs begin with
    // "/", with their kind and a colon, or with "/memfd:".
    constexpr std::string_view name = "anon_inode:seccomp notify";
    std::array<char, 64> text{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t n = readlink(link.c_str(), text.data(), text.size());
    return n > 0 && std::string_view(text.data(), static_cast<std::size_t>(n)) == name;
}

} // namespace deputyd
