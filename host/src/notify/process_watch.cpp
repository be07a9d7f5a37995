// SPDX-License-Identifier: Apache-2.0
#include "notify/process_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include "caller/pin.hpp"
#include "caller/proc_status.hpp"
#include "notify/deferred.hpp"
#include "notify/stop_signal.hpp"

namespace deputyd
{
namespace
{

void watch_fd(int epoll, int fd, std::uint64_t key)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        throw std::system_error(errno, std::system_category(), "epoll_ctl");
    }
}

/// Whether the process has not ended, even if nobody has reaped it.
bool is_alive(int pidfd) noexcept
{
    return ::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0 || errno != ESRCH;
}

std::int32_t watch_checked(served_call &call, std::uint64_t *ret_process)
{
    const ruled_handler *h = call.at->running.load();
    if (h == nullptr || !h->is->plugin->hears_of_processes()) {
        return -ENOTSUP;
    }
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    const std::int32_t tgid = read_tgid(proc);
    deputy::unique_fd process{tgid <= 0 ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, tgid, 0))};
    const int error = errno;
    if (const std::int32_t valid = check_valid(call); valid < 0) {
        return valid;
    }
    if (!process) {
        return tgid < 0 ? tgid : -error;
    }
    const auto id = (*call.state)
                        ->processes.add(*h->is->plugin, call.syscall.container,
                                        static_cast<std::uint32_t>(tgid), std::move(process));
    if (!id) {
        return -id.error_number();
    }
    *ret_process = *id;
    return 0;
}

std::int32_t watch(deputy_call *call, std::uint64_t *ret_process)
try {
    return watch_checked(*static_cast<served_call *>(call), ret_process);
} catch (const std::system_error &e) {
    return -e.code().value();
} catch (const std::exception &) {
    return -ENOMEM;
}

} // namespace

const deputy_process_v1 process_table = {.watch = watch};

process_watch::~process_watch()
{
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        (void)!::write(stop_.get(), &one, sizeof one);
        thread_.join();
    }
}

void process_watch::start()
{
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    stop_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_ || !stop_) {
        throw std::system_error(errno, std::system_category(), "epoll_create1");
    }
    watch_fd(epoll_.get(), stop_.get(), 0);
    const stop_signal::all_blocked none;
    thread_ = std::thread([this] { run(); });
}

deputy::result<std::uint64_t> process_watch::add(loaded_plugin &plugin, std::uint64_t container,
                                                 std::uint32_t tgid, deputy::unique_fd process)
{
    const std::lock_guard lock(mutex_);
    std::size_t of_container = 0;
    for (const auto &[id, w] : all_) {
        // One that has ended and is not told yet may have left its number to another.
        if (w.plugin == &plugin && w.container == container && w.tgid == tgid && is_alive(w.process.get())) {
            return id;
        }
        of_container += w.container == container ? 1 : 0;
    }
    if (of_container >= limit) {
        return deputy::error{EAGAIN};
    }
    if (!thread_.joinable()) {
        start();
    }
    const std::uint64_t id = next_++;
    const int fd = process.get();
    all_.emplace(id, watched{&plugin, container, tgid, std::move(process)});
    try {
        watch_fd(epoll_.get(), fd, id);
    } catch (...) {
        all_.erase(id);
        throw;
    }
    return id;
}

void process_watch::run()
{
    for (;;) {
        std::array<epoll_event, 64> events;
        const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n; ++i) {
            const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
            if (id == 0) {
                return;
            }
            tell(id);
        }
    }
}

void process_watch::tell(std::uint64_t id)
{
    loaded_plugin *plugin = nullptr;
    std::uint64_t container = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto found = all_.find(id);
        if (found == all_.end()) {
            return;
        }
        plugin = found->second.plugin;
        container = found->second.container;
        all_.erase(found); // closes the pidfd, and with it what epoll waits for
    }
    plugin->process_gone(container, id);
}

} // namespace deputyd
