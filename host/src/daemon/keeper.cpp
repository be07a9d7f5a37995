// SPDX-License-Identifier: Apache-2.0
#include "daemon/keeper.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor_limit.hpp"
#include "base/log.hpp"

namespace deputyd
{
namespace
{

using namespace std::chrono_literals;

constexpr auto tick_period = 1s;
constexpr auto fence_time = 250ms;  ///< for the threads of a host that was killed
constexpr auto silence_limit = 10s; ///< of a host that serves
constexpr auto start_limit = 60s;   ///< until a host serves
constexpr auto drain_limit = 15s;   ///< until a host has answered its calls: their deadline and some
constexpr auto early_end = 1s;      ///< a host that lives no longer is restarted with a delay
constexpr auto first_delay = 100ms;
constexpr auto longest_delay = 5'000ms;

std::string own_program()
{
    std::array<char, PATH_MAX> path{};
    const ssize_t n = readlink("/proc/self/exe", path.data(), path.size() - 1);
    return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : "/proc/self/exe";
}

int make_signalfd()
{
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
        sigaddset(&ours, number);
    }
    sigprocmask(SIG_BLOCK, &ours, nullptr);
    const int fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        throw std::system_error(errno, std::system_category(), "signalfd");
    }
    return fd;
}

} // namespace

keeper::keeper(std::vector<std::string> host_arguments)
    : manager_(service_manager::from_environment()), store_(manager_), arguments_(std::move(host_arguments)),
      program_(own_program()), signals_(make_signalfd())
{
    store_.take_back(passed_descriptors());
    clear_service_environment();
    raise_descriptor_limit();
    loop_.add(signals_.get(), EPOLLIN, [this](std::uint32_t) { signalled(); });
}

keeper::~keeper() = default;

int keeper::run()
{
    try_start_host();
    loop_.after(tick_period, [this] { tick(); });
    loop_.run();
    return status_;
}

void keeper::try_start_host()
{
    try {
        start_host();
    } catch (const std::system_error &e) {
        log().error("cannot start a host: {}", e.what());
        host_.reset();
        restart();
    }
}

void keeper::start_host()
{
    started_ = heard_ = clock::now();
    deadline_ = clock::time_point::max();
    ready_ = reload_when_ready_ = false;
    host_ = std::make_unique<host_child>(program_, arguments_);
    watch_host();
    hand_over();
}

void keeper::watch_host()
{
    loop_.add(host_->socket(), EPOLLIN, [this](std::uint32_t) { read_host(); });
    loop_.add(host_->pidfd(), EPOLLIN, [this](std::uint32_t) { host_over(); });
}

void keeper::hand_over()
{
    for (const auto &[name, fds] : store_.entries()) {
        std::vector<int> numbers;
        for (const auto &fd : fds) {
            numbers.push_back(fd.get());
        }
        const auto sent = send_message(host_->socket(), message_kind::entry, 0, name, numbers, MSG_DONTWAIT);
        if (!sent) {
            log().error("the host cannot be given {}: {}", name, std::strerror(sent.error_number()));
            host_->kill();
            return;
        }
    }
    tell(message_kind::go);
}

/// @return false if the host cannot be told, which ends it.
bool keeper::tell(message_kind kind)
{
    const auto sent = send_message(host_->socket(), kind, 0, {}, {}, MSG_DONTWAIT);
    if (!sent && sent.error_number() != EPIPE && sent.error_number() != ECONNRESET) {
        log().error("the host cannot be told anything: {}", std::strerror(sent.error_number()));
        host_->kill();
    }
    return static_cast<bool>(sent);
}

void keeper::read_host()
{
    for (;;) {
        auto m = receive_message(host_->socket(), MSG_DONTWAIT);
        if (m) {
            const bool last = m->kind == message_kind::ended;
            take(std::move(*m));
            if (last) {
                return; // host_ is another one, or none
            }
        } else if (m.error_number() == EPROTO || m.error_number() == EPROTONOSUPPORT) {
            log().error("the host sent what is no message: {}", std::strerror(m.error_number()));
        } else {
            if (m.error_number() != EAGAIN) {
                loop_.remove(host_->socket()); // its end is for pidfd() and tick() to tell
            }
            return;
        }
    }
}

void keeper::take(message m)
{
    heard_ = clock::now();
    switch (m.kind) {
    case message_kind::store:
        if (const auto stored = store_.put(m.name, std::move(m.fds)); !stored) {
            log().error("{} cannot be kept: {}", m.name, std::strerror(stored.error_number()));
        }
        break;
    case message_kind::remove:
        store_.remove(m.name);
        break;
    case message_kind::ready:
        host_ready();
        break;
    case message_kind::reloaded:
        manager_.notify(m.status == 0
                            ? "READY=1\nSTATUS=Serving"
                            : "READY=1\nSTATUS=Serving; the new configuration is wrong, see the log");
        break;
    case message_kind::ended:
        host_over();
        break;
    default: // pong
        break;
    }
}

void keeper::host_ready()
{
    if (!ever_ready_) {
        log().info("ready");
    }
    ready_ = ever_ready_ = true;
    manager_.notify("READY=1\nSTATUS=Serving");
    if (std::exchange(reload_when_ready_, false)) {
        reload();
    }
}

void keeper::drain(intent then)
{
    intent_ = then;
    deadline_ = clock::now() + drain_limit;
    tell(message_kind::drain);
}

/// The host has ended, or says that it does now.
void keeper::host_over()
{
    // What it sent before is still to be heard: it may have stored a listener with its last breath.
    for (;;) {
        auto m = receive_message(host_->socket(), MSG_DONTWAIT);
        if (m && (m->kind == message_kind::store || m->kind == message_kind::remove)) {
            take(std::move(*m));
        } else if (!m && m.error_number() != EPROTO && m.error_number() != EPROTONOSUPPORT) {
            break;
        }
    }
    loop_.remove(host_->socket());
    loop_.remove(host_->pidfd());
    fence();
    if (intent_ == intent::stop) {
        loop_.stop();
    } else if (intent_ == intent::replace) {
        intent_ = intent::serve;
        try_start_host();
    } else if (!ever_ready_ && store_.stored() == 0) {
        status_ = 1; // nobody waits for us, and whoever started us should know
        loop_.stop();
    } else {
        manager_.notify("STATUS=The host ended; a new one starts");
        restart();
    }
}

/// Makes sure that the host does nothing any more. A thread that hangs in the kernel is not waited for: it
/// ends there, without another instruction of ours.
void keeper::fence()
{
    const bool asked_to_end = intent_ != intent::serve;
    if (!asked_to_end) {
        host_->kill();
    }
    auto status = host_->wait(fence_time);
    if (!status) {
        host_->kill();
        status = host_->wait(fence_time);
    }
    if (!status) {
        log().warn("threads of host {} hang in the kernel; it is left behind", host_->pid());
        left_behind_.push_back(std::move(host_));
        return;
    }
    if (!asked_to_end) {
        log().error("host {} ended: {}", host_->pid(), describe_status(*status));
    }
    host_.reset();
}

/// Starts a host; with a delay that grows while they end early.
void keeper::restart()
{
    const bool early = clock::now() - started_ < early_end || !ready_;
    delay_ = !early          ? 0ms
             : delay_ == 0ms ? std::chrono::milliseconds(first_delay)
                             : std::min<std::chrono::milliseconds>(delay_ * 2, longest_delay);
    if (delay_ == 0ms) {
        try_start_host();
        return;
    }
    loop_.after(delay_, [this] {
        if (!host_ && intent_ == intent::serve) {
            try_start_host();
        }
    });
}

void keeper::tick()
{
    loop_.after(tick_period, [this] { tick(); });
    std::erase_if(left_behind_, [](const auto &h) { return h->wait(0ms).has_value(); });
    if (host_) {
        look_after_host();
    }
    const bool well = !host_ || !ready_ || clock::now() - heard_ < silence_limit;
    if (manager_.watchdog() && well &&
        clock::now() - watchdog_told_ >= *manager_.watchdog() / 2 - tick_period) {
        watchdog_told_ = clock::now();
        manager_.notify("WATCHDOG=1");
    }
}

void keeper::look_after_host()
{
    if (host_->main_ended()) {
        host_over();
        return;
    }
    const bool draining = deadline_ != clock::time_point::max();
    const auto until = draining ? deadline_ : ready_ ? heard_ + silence_limit : started_ + start_limit;
    if (clock::now() > until) {
        log().error("host {} does not answer: it is killed", host_->pid());
        host_->kill();
    } else if (ready_ && !draining) {
        tell(message_kind::ping);
    }
}

void keeper::reload()
{
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    manager_.notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", t.tv_sec * 1'000'000 + t.tv_nsec / 1000));
    if (host_ && !ready_) {
        reload_when_ready_ = true; // what it has read may be the old one
    } else if (!host_ || !tell(message_kind::reload)) {
        manager_.notify("READY=1"); // the next one reads it anyway
    }
}

void keeper::signalled()
{
    signalfd_siginfo s{};
    while (read(signals_.get(), &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGHUP) {
            reload();
        } else if (s.ssi_signo == SIGUSR1) {
            if (host_ && ready_ && intent_ == intent::serve) {
                log().info("the host is replaced");
                drain(intent::replace);
            }
        } else if (!host_) {
            intent_ = intent::stop;
            loop_.stop();
        } else if (intent_ == intent::stop) {
            host_->kill(); // asked twice
        } else {
            manager_.notify("STOPPING=1");
            drain(intent::stop);
        }
    }
}

} // namespace deputyd
