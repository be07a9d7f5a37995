// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <deputy/plugin.hpp>

#include "notify/channel.hpp"
#include "notify/lxc_message.hpp"

namespace deputyd
{

/// A connection of LXC's monitor, which receives from the kernel, asks here, and answers the kernel. What it
/// says of a call is believed: it must be a monitor of root, in this process's pid namespace.
///
/// The monitor asks one thing at a time, waits 30 s for the answer and takes whatever comes next for it. So a
/// request gets one answer, and none once 25 s have passed since it was sent: the connection is shut down
/// then, for which the monitor says ENOSYS to the call and connects anew for the next.
class lxc_channel final : public channel
{
public:
    /// Since a request was sent.
    struct times {
        std::chrono::milliseconds handler{20'000}; ///< then the host answers for it; the rest is for that
        std::chrono::milliseconds answer{25'000};  ///< then there is none; the monitor waits 30 s
    };

    /// @param connection SOCK_SEQPACKET, becomes blocking.
    /// @param name of the container, for log lines.
    lxc_channel(deputy::unique_fd connection, std::string name)
        : lxc_channel(std::move(connection), std::move(name), times{})
    {
    }
    lxc_channel(deputy::unique_fd connection, std::string name, times t);
    ~lxc_channel() override;

    [[nodiscard]] int poll_fd() const noexcept override { return connection_.get(); }
    /// Logs what is wrong with a request and shuts the connection down: gone.
    received receive(void *zeroed) noexcept override;
    [[nodiscard]] int listener_fd() const noexcept override { return last_listener_; }
    sent reply(std::uint64_t id, std::int64_t value, int error) noexcept override;
    sent proceed(std::uint64_t id) noexcept override;
    /// Never in one step with the answer, which is the monitor's: a caller that is interrupted between keeps
    /// the descriptor.
    injection inject(std::uint64_t id, const sendable &what, bool answer) noexcept override;
    void finish(std::uint64_t id) noexcept override;
    [[nodiscard]] std::chrono::milliseconds patience() const noexcept override;

    /// Makes a connection's datagrams carry the time when they were sent. From then on they do, so the
    /// earlier, the better: a request may wait long for a host that is away.
    static void stamp(int connection) noexcept;

private:
    using clock = std::chrono::steady_clock;
    /// One that has not been finished. Usually the only one; others are in threads that hang.
    struct request {
        std::uint64_t id = 0;
        clock::time_point sent_at;
        std::vector<std::byte> bytes; ///< as they came, for the answer
        deputy::unique_fd listener;
        bool open = true; ///< no answer has been sent, and no later request has come
    };

    const char *admit(std::span<const std::byte> datagram, std::vector<deputy::unique_fd> &fds,
                      clock::time_point sent_at, void *zeroed);
    request *find(std::uint64_t id) noexcept;
    int listener_of(std::uint64_t id) noexcept;
    sent send(seccomp_notif_resp response) noexcept;
    void shut_down(const char *why) noexcept;

    const deputy::unique_fd connection_;
    const std::string name_;
    const times times_;
    pid_t monitor_ = 0;      ///< as this process sees it
    int last_listener_ = -1; ///< the receiving thread's
    std::mutex mutex_;       ///< for what follows, and one answer at a time
    std::vector<request> requests_;
};

} // namespace deputyd
