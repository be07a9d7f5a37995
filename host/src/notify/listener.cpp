// SPDX-License-Identifier: Apache-2.0
#include "notify/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace deputyd
{
namespace
{

// Linux 6.6. Declared as taking a pointer; the kernel takes the flags themselves.
constexpr unsigned long notif_set_flags = SECCOMP_IOW(4, __u64);
constexpr unsigned long sync_wake_up = 1;

/// Before Linux 6.11 the exit of a filter's last user does not wake a thread that waits in RECV.
bool receive_wakes_on_exit() noexcept
{
    static const bool wakes = [] {
        utsname name{};
        unsigned major = 0;
        unsigned minor = 0;
        return ::uname(&name) == 0 && std::sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
               (major > 6 || (major == 6 && minor >= 11));
    }();
    return wakes;
}

} // namespace

std::size_t notification_size()
{
    static const std::size_t size = [] {
        seccomp_notif_sizes sizes{};
        if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
            throw std::runtime_error(std::string("the kernel has no seccomp notifier: ") +
                                     std::strerror(errno) + "; it needs CONFIG_SECCOMP_FILTER and Linux 5.9");
        }
        return std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif));
    }();
    return size;
}

void wake_synchronously(int listener) noexcept
{
    ::ioctl(listener, notif_set_flags, sync_wake_up); // an older kernel has none: only slower
}

listener::listener(deputy::unique_fd fd) : fd_(std::move(fd))
{
    wake_synchronously(fd_.get());
}

bool listener::hung_up() const noexcept
{
    pollfd p{fd_.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0 && (p.revents & POLLIN) == 0;
}

channel::received listener::receive(void *zeroed) noexcept
{
    if (!receive_wakes_on_exit()) {
        pollfd p{fd_.get(), POLLIN, 0};
        if (::poll(&p, 1, -1) < 0) {
            return errno == EINTR ? received::interrupted : received::broken;
        }
        if ((p.revents & POLLIN) == 0) {
            return (p.revents & POLLHUP) != 0 ? received::gone : received::broken;
        }
    }
    if (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, zeroed) == 0) {
        return received::call;
    }
    switch (errno) {
    case EINTR:
        return received::interrupted;
    case ENOENT: // ordinary: the caller has been killed or interrupted, or all are gone
        return hung_up() ? received::gone : received::nothing;
    default:
        return received::broken;
    }
}

channel::sent listener::send(seccomp_notif_resp &response) noexcept
{
    while (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) != 0) {
        if (errno == ENOENT) {
            return sent::lost;
        }
        if (errno == EINPROGRESS) {
            return sent::late;
        }
        if (errno != EINTR) {
            return sent::failed;
        }
    }
    return sent::delivered;
}

channel::sent listener::reply(std::uint64_t id, std::int64_t value, int error) noexcept
{
    seccomp_notif_resp response{};
    response.id = id;
    response.val = error == 0 ? value : 0;
    response.error = -error;
    return send(response);
}

channel::sent listener::proceed(std::uint64_t id) noexcept
{
    seccomp_notif_resp response{};
    response.id = id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return send(response);
}

channel::injection listener::inject(std::uint64_t id, const sendable &what, bool answer) noexcept
{
    return add_descriptor(fd_.get(), id, what, answer);
}

channel::injection add_descriptor(int listener, std::uint64_t id, const channel::sendable &what,
                                  bool answer) noexcept
{
    seccomp_notif_addfd request{};
    request.id = id;
    request.flags = answer ? SECCOMP_ADDFD_FLAG_SEND : 0;
    request.srcfd = static_cast<std::uint32_t>(what.fd);
    request.newfd_flags = what.fd_flags;
    if (what.number >= 0) {
        request.flags |= SECCOMP_ADDFD_FLAG_SETFD;
        request.newfd = static_cast<std::uint32_t>(what.number);
    }
    const int number = ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
    if (number >= 0) {
        return {channel::sent::delivered, 0, number};
    }
    switch (errno) {
    case ENOENT:
        return {channel::sent::lost, 0, -1};
    case EINPROGRESS:
        return {channel::sent::late, 0, -1};
    default:
        return {channel::sent::failed, errno, -1};
    }
}

} // namespace deputyd
