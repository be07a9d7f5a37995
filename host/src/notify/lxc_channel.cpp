// SPDX-License-Identifier: Apache-2.0
#include "notify/lxc_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <exception>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/foreign_fds.hpp"
#include "base/log.hpp"
#include "notify/listener.hpp"
#include "notify/received_fds.hpp"

namespace deputyd
{
namespace
{

/// Whether fd is a file of this process's own procfs, whose close waits for nobody. Asks no file server.
bool is_of_own_proc(int fd) noexcept
{
    static const dev_t own = [] {
        struct stat st {
        };
        return ::stat("/proc/self", &st) == 0 ? st.st_dev : 0;
    }();
    struct statx st {
    };
    return ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) == 0 &&
           makedev(st.stx_dev_major, st.stx_dev_minor) == own;
}

/// Closes what is not needed of a request: mostly the kernel's own files, else somebody's.
void close_all(std::vector<deputy::unique_fd> &fds)
{
    std::vector<deputy::unique_fd> foreign;
    for (auto &fd : fds) {
        if (fd && !is_of_own_proc(fd.get()) && !is_seccomp_listener(fd.get())) {
            foreign.push_back(std::move(fd));
        }
    }
    fds.clear();
    close_foreign(std::move(foreign));
}

bool is_valid(int listener, std::uint64_t id) noexcept
{
    while (::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) != 0) {
        if (errno != EINTR) {
            return errno != ENOENT;
        }
    }
    return true;
}

} // namespace

void lxc_channel::stamp(int connection) noexcept
{
    const int on = 1;
    ::setsockopt(connection, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

lxc_channel::lxc_channel(deputy::unique_fd connection, std::string name, times t)
    : connection_(std::move(connection)), name_(std::move(name)), times_(t)
{
    stamp(connection_.get());
    const int flags = ::fcntl(connection_.get(), F_GETFL);
    ::fcntl(connection_.get(), F_SETFL, flags & ~O_NONBLOCK);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
        monitor_ = peer.pid;
    }
}

lxc_channel::~lxc_channel() = default;

std::chrono::milliseconds lxc_channel::patience() const noexcept
{
    return times_.handler;
}

void lxc_channel::shut_down(const char *why) noexcept
{
    log().warn("{}: the connection of LXC's monitor is closed: {}", name_, why);
    ::shutdown(connection_.get(), SHUT_RDWR);
}

/// Takes a request in. @return what is wrong with it, or nullptr.
const char *lxc_channel::admit(std::span<const std::byte> datagram, std::vector<deputy::unique_fd> &fds,
                               clock::time_point sent_at, void *zeroed)
{
    lxc_request decoded;
    if (const char *wrong = decode_lxc_request(datagram, decoded)) {
        return wrong;
    }
    if (decoded.monitor_pid != monitor_) {
        return "its monitor is in another pid namespace, or is not the one that connected";
    }
    if (clock::now() - sent_at >= times_.answer) {
        return "a request has waited too long for the host";
    }
    request r;
    r.id = decoded.notification.id;
    r.sent_at = sent_at;
    r.bytes.assign(datagram.begin(), datagram.end());
    if (fds.size() > lxc_listener) {
        if (!is_seccomp_listener(fds[lxc_listener].get())) {
            return "a request's third descriptor is no seccomp listener";
        }
        r.listener = std::move(fds[lxc_listener]);
        wake_synchronously(r.listener.get());
    }
    last_listener_ = r.listener.get();
    {
        const std::lock_guard lock(mutex_);
        for (request &earlier : requests_) {
            earlier.open = false; // the monitor does not wait for it any more
        }
        requests_.push_back(std::move(r));
    }
    std::memcpy(zeroed, &decoded.notification, sizeof decoded.notification);
    return nullptr;
}

channel::received lxc_channel::receive(void *zeroed) noexcept
{
    std::array<std::byte, lxc_datagram_limit> datagram;
    std::vector<deputy::unique_fd> fds;
    bool cut = false;
    std::chrono::nanoseconds waited{0};
    const ssize_t n =
        receive_with_fds(connection_.get(), datagram, fds, lxc_descriptor_count, 0, cut, &waited);
    if (n < 0) {
        errno = static_cast<int>(-n);
        switch (errno) {
        case EINTR:
            return received::interrupted;
        case EAGAIN:
            return received::nothing;
        case ECONNRESET:
            return received::gone;
        default:
            return received::broken;
        }
    }
    const char *wrong = nullptr;
    if (n > 0 && cut) {
        wrong = "a request is too long or carries more than three descriptors";
    } else if (n > 0) {
        try {
            wrong = admit(std::span(datagram).first(static_cast<std::size_t>(n)), fds, clock::now() - waited,
                          zeroed);
        } catch (const std::exception &) {
            wrong = "there is no memory for a request";
        }
    }
    close_all(fds);
    if (n == 0) {
        return received::gone;
    }
    if (wrong != nullptr) {
        shut_down(wrong);
        return received::gone;
    }
    return received::call;
}

lxc_channel::request *lxc_channel::find(std::uint64_t id) noexcept
{
    const auto found =
        std::find_if(requests_.rbegin(), requests_.rend(), [&](const request &r) { return r.id == id; });
    return found == requests_.rend() ? nullptr : &*found;
}

void lxc_channel::finish(std::uint64_t id) noexcept
{
    deputy::unique_fd listener;
    const std::lock_guard lock(mutex_);
    if (request *r = find(id)) {
        listener = std::move(r->listener);
        requests_.erase(requests_.begin() + (r - requests_.data()));
    }
}

channel::sent lxc_channel::send(seccomp_notif_resp response) noexcept
{
    const std::lock_guard lock(mutex_);
    request *r = find(response.id);
    if (r == nullptr || !r->open) {
        return sent::late;
    }
    r->open = false;
    if (clock::now() - r->sent_at >= times_.answer) {
        shut_down("an answer would come too late");
        return sent::late;
    }
    // Whether it reaches the caller the monitor does not tell. It waits for an answer in any case.
    const bool waits = !r->listener || is_valid(r->listener.get(), response.id);
    const std::size_t size = encode_lxc_response(r->bytes, response);
    ssize_t n = 0;
    do {
        n = ::send(connection_.get(), r->bytes.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n != static_cast<ssize_t>(size)) {
        const bool gone = errno == EPIPE || errno == ECONNRESET;
        if (!gone) {
            shut_down(std::strerror(errno));
        }
        return sent::lost;
    }
    return waits ? sent::delivered : sent::lost;
}

channel::sent lxc_channel::reply(std::uint64_t id, std::int64_t value, int error) noexcept
{
    seccomp_notif_resp response{};
    response.id = id;
    response.val = error == 0 ? value : 0;
    response.error = -error;
    return send(response);
}

channel::sent lxc_channel::proceed(std::uint64_t id) noexcept
{
    seccomp_notif_resp response{};
    response.id = id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return send(response);
}

int lxc_channel::listener_of(std::uint64_t id) noexcept
{
    const std::lock_guard lock(mutex_);
    const request *r = find(id);
    return r == nullptr ? -1 : r->listener.get();
}

channel::injection lxc_channel::inject(std::uint64_t id, const sendable &what, bool answer) noexcept
{
    // Open until the calling thread finishes the call.
    const int listener = listener_of(id);
    if (listener < 0) {
        return {sent::failed, EPERM, -1};
    }
    injection added = add_descriptor(listener, id, what, false);
    if (added.outcome == sent::delivered) {
        if (answer) {
            added.outcome = reply(id, added.fd, 0);
        }
    } else if (added.outcome != sent::failed) {
        reply(id, 0, EPERM); // nobody gets it, but the monitor waits
    }
    return added;
}

} // namespace deputyd
