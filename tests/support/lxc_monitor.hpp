// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// LXC's monitor as its notify proxy protocol shows it: one thread receives from a listener, sends the
/// request with its descriptors, blocks for the answer and gives it to the kernel.

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputy_test
{

/// A request as liblxc lays it out, with the structs of a newer kernel if longer is not 0.
struct lxc_layout {
    std::string cookie;
    std::size_t longer = 0; ///< bytes more in struct seccomp_notif
    pid_t monitor = ::getpid();

    std::size_t answer_size() const
    {
        return 32 + sizeof(seccomp_notif) + longer + sizeof(seccomp_notif_resp);
    }
    std::size_t response_at() const { return 32 + sizeof(seccomp_notif) + longer; }
    std::vector<char> request(const seccomp_notif &n) const
    {
        std::vector<char> bytes(answer_size() + cookie.size());
        const auto put = [&](std::size_t at, const auto &value) {
            std::memcpy(bytes.data() + at, &value, sizeof value);
        };
        put(8, monitor);
        put(12, static_cast<std::int32_t>(n.pid)); // of init, which the child is
        put(16, static_cast<std::uint16_t>(sizeof(seccomp_notif) + longer));
        put(18, static_cast<std::uint16_t>(sizeof(seccomp_notif_resp)));
        put(20, static_cast<std::uint16_t>(sizeof(seccomp_data)));
        put(24, static_cast<std::uint64_t>(cookie.size()));
        put(32, n);
        put(response_at(), n.id);
        std::memcpy(bytes.data() + answer_size(), cookie.data(), cookie.size());
        return bytes;
    }
};

/// A connection: the monitor's end, the host's end.
inline std::pair<deputy::unique_fd, deputy::unique_fd> lxc_connection()
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::runtime_error("socketpair");
    }
    return {deputy::unique_fd{ends[0]}, deputy::unique_fd{ends[1]}};
}

/// Sends a datagram with descriptors. @return whether it went out.
inline bool send_with_fds(int socket, std::span<const char> data, std::span<const int> fds)
{
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
    iovec part{const_cast<char *>(data.data()), data.size()};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    if (!fds.empty()) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    }
    return ::sendmsg(socket, &m, MSG_NOSIGNAL) == static_cast<ssize_t>(data.size());
}

/// The files that go with a request.
class lxc_files
{
public:
    lxc_files(std::uint32_t tid, int listener, std::size_t count)
    {
        const std::string proc = "/proc/" + std::to_string(tid);
        directory_.reset(::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        memory_.reset(::open((proc + "/mem").c_str(), O_RDWR | O_CLOEXEC));
        fds_ = {directory_.get(), memory_.get(), listener};
        fds_.resize(count);
    }
    std::span<const int> get() const { return fds_; }

private:
    deputy::unique_fd directory_;
    deputy::unique_fd memory_;
    std::vector<int> fds_;
};

class lxc_monitor
{
public:
    /// @param descriptors that it sends: 2 as before liblxc 4.0.5, else 3.
    lxc_monitor(deputy::unique_fd listener, deputy::unique_fd connection, lxc_layout layout = {},
                std::size_t descriptors = 3)
        : listener_(std::move(listener)), connection_(std::move(connection)), layout_(std::move(layout)),
          descriptors_(descriptors), thread_([this] { run(); })
    {
    }
    ~lxc_monitor() { join(); }
    lxc_monitor(const lxc_monitor &) = delete;
    lxc_monitor &operator=(const lxc_monitor &) = delete;

    /// Waits until its container has gone; its connection is closed then.
    void join()
    {
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    int asked = 0;    ///< requests sent; after join()
    int answered = 0; ///< answers of the right size that came
    int sent = 0;     ///< answers that the kernel took

private:
    void run()
    {
        for (;;) {
            pollfd p{listener_.get(), POLLIN, 0};
            ::poll(&p, 1, -1);
            if ((p.revents & POLLIN) == 0) {
                break;
            }
            seccomp_notif n{};
            if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &n) == 0) {
                answer(n);
            }
        }
        connection_.reset();
    }
    void answer(const seccomp_notif &n)
    {
        seccomp_notif_resp r{};
        r.error = -ENOSYS;
        const lxc_files files(n.pid, listener_.get(), descriptors_);
        if (send_with_fds(connection_.get(), layout_.request(n), files.get())) {
            ++asked;
            std::vector<char> bytes(layout_.answer_size());
            const ssize_t size = ::recv(connection_.get(), bytes.data(), bytes.size(), MSG_TRUNC);
            if (size == static_cast<ssize_t>(bytes.size())) {
                ++answered;
                std::memcpy(&r, bytes.data() + layout_.response_at(), sizeof r);
            }
        }
        r.id = n.id; // as liblxc does it: whatever came is taken for the answer
        sent += ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &r) == 0 ? 1 : 0;
    }

    deputy::unique_fd listener_;
    deputy::unique_fd connection_;
    lxc_layout layout_;
    std::size_t descriptors_;
    std::thread thread_;
};

} // namespace deputy_test
