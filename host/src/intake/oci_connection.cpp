// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <vector>

#include <fmt/format.h>

#include "base/foreign_fds.hpp"
#include "base/log.hpp"
#include "intake/acceptor.hpp"
#include "intake/oci_state.hpp"
#include "notify/received_fds.hpp"

namespace deputyd
{
namespace
{

constexpr std::size_t most_fds = 16;
/// How often the text is tried while it grows: a peer that trickles a long message byte by byte would have
/// it parsed as often.
constexpr int most_tries = 4096;

/// A connection of an OCI runtime: one container process state, its descriptors with the first bytes. The
/// runtime may keep it open after that for the container's life, so the end of the message is the end of
/// its JSON.
class oci_connection : public connection
{
public:
    oci_connection(event_loop &loop, const socket_config &socket, const peer &who, deputy::unique_fd fd,
                   const arrival_sink &sink, const intake_limits &limits, std::function<void()> done)
        : loop_(loop), socket_(socket), who_(who), fd_(std::move(fd)), sink_(sink), limits_(limits),
          done_(std::move(done))
    {
        loop_.add(fd_.get(), EPOLLIN, [this](std::uint32_t) { read_all(); });
        arm(limits_.silence, "it sent nothing");
    }
    ~oci_connection() override
    {
        loop_.remove(fd_.get());
        loop_.cancel(timer_);
        close_foreign(std::move(fds_));
    }
    oci_connection(const oci_connection &) = delete;
    oci_connection &operator=(const oci_connection &) = delete;

private:
    void arm(std::chrono::milliseconds time, const char *reason)
    {
        loop_.cancel(timer_);
        timer_ = loop_.after(time, [this, reason] { finish(reason); });
    }

    /// Ends the connection. @param problem nullptr if all went well.
    void finish(const char *problem)
    {
        if (finished_) {
            return;
        }
        finished_ = true;
        if (problem != nullptr) {
            log().warn("{}: connection of uid {} (pid {}) closed: {}", socket_.name, who_.uid, who_.pid,
                       problem);
        }
        loop_.remove(fd_.get());
        loop_.cancel(timer_);
        shutdown(fd_.get(), SHUT_RDWR);
        done_();
    }

    void read_all()
    {
        std::array<std::byte, 65536> part{};
        bool cut = false;
        while (!finished_) {
            const ssize_t n = receive_with_fds(fd_.get(), part, fds_, most_fds, MSG_DONTWAIT, cut);
            if (n == -EAGAIN || n == -EINTR) {
                break;
            }
            if (n <= 0) {
                ended(n);
                return;
            }
            if (cut) {
                finish("it sent more descriptors than a message may have");
                return;
            }
            if (text_.empty() && !served_) {
                arm(limits_.message_time, "its message did not end");
            }
            text_.append(reinterpret_cast<const char *>(part.data()), static_cast<std::size_t>(n));
            if (text_.size() > limits_.message_size) {
                finish("its message is too long");
                return;
            }
        }
        if (!finished_) {
            served_ ? check_rest() : try_message();
        }
    }

    void ended(ssize_t n)
    {
        if (!served_ && n == 0 && !text_.empty()) {
            try_message(); // some close at once
        }
        if (served_) {
            finish(nullptr);
        } else if (n < 0) {
            finish(std::strerror(static_cast<int>(-n)));
        } else {
            finish(text_.empty() ? "it sent nothing" : "its message did not end");
        }
    }

    /// After the message: nothing but white space may come.
    void check_rest()
    {
        if (text_.find_first_not_of(" \t\r\n") != text_.npos || !fds_.empty()) {
            finish("it sent more than one message");
        }
        text_.clear();
    }

    void try_message()
    {
        const oci_parsed parsed = parse_oci_state(text_);
        if (parsed.progress == oci_progress::wrong) {
            finish(parsed.reason.c_str());
        } else if (parsed.progress == oci_progress::incomplete) {
            if (++tries_ >= most_tries) {
                finish("its message comes in too many parts");
            }
        } else {
            take(parsed.state);
        }
    }

    void take(const oci_state &state)
    {
        try {
            std::size_t index = 0;
            if (!state.listener_index(fds_.size(), index)) {
                throw std::runtime_error("no descriptor named seccompFd came with its message");
            }
            if (!is_seccomp_listener(fds_[index].get())) {
                throw std::runtime_error("its descriptor seccompFd is no seccomp listener");
            }
            arrival a;
            a.socket = socket_.name;
            a.key = state.id;
            a.name = escaped(state.id);
            a.selected = state.policy();
            a.annotations = state.annotations;
            a.policies = socket_.policies;
            a.default_policy = socket_.default_policy;
            a.denied = denied_by(denied_word(state.metadata));
            a.sender = who_;
            a.pid = state.pid;
            sink_(a, std::move(fds_[index]));
        } catch (const std::runtime_error &e) {
            finish(fmt::format("container {}: {}", escaped(state.id), e.what()).c_str());
            return;
        }
        served_ = true;
        text_.clear();
        close_foreign(std::move(fds_));
        fds_.clear();
        loop_.cancel(timer_);
        timer_ = loop_.after(limits_.linger, [this] { finish(nullptr); });
    }

    event_loop &loop_;
    const socket_config socket_; // as it was when the peer connected
    const peer who_;
    deputy::unique_fd fd_;
    const arrival_sink &sink_;
    const intake_limits limits_;
    std::function<void()> done_;
    event_loop::timer timer_ = 0;
    std::string text_;
    std::vector<deputy::unique_fd> fds_;
    int tries_ = 0;
    bool served_ = false;
    bool finished_ = false;
};

} // namespace

std::unique_ptr<connection> make_oci_connection(event_loop &loop, const socket_config &socket,
                                                const peer &who, deputy::unique_fd fd,
                                                const arrival_sink &sink, const intake_limits &limits,
                                                std::function<void()> done)
{
    return std::make_unique<oci_connection>(loop, socket, who, std::move(fd), sink, limits, std::move(done));
}

} // namespace deputyd
