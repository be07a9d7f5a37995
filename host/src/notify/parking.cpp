// SPDX-License-Identifier: Apache-2.0
#include "notify/parking.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include "base/log.hpp"
#include "notify/host_state.hpp"

namespace deputyd
{
namespace
{

constexpr std::uint64_t wake_key = 0;
constexpr auto pause_without_threads = std::chrono::milliseconds(10);

int watch_fd(int epoll, int fd, std::uint64_t key) noexcept
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/// @return false if it cannot be served now: it stays parked.
bool serve_woken(const std::shared_ptr<host_state> &state, const parking_lot::woken &w)
{
    std::function<void()> ended;
    std::shared_ptr<lane> l;
    {
        const std::lock_guard lock(state->mutex);
        l = state->parked.find(w.key);
        if (!l || state->stopping.load()) {
            return true;
        }
        if (w.hung_up) {
            l->over = true;
        } else {
            try {
                start_seat(state, l);
            } catch (const std::exception &e) {
                if (l->load->log_allowed()) {
                    log().error("{}: no thread can serve its calls, which wait: {}", l->of->name, e.what());
                }
                return false;
            }
        }
        state->parked.take(w.key);
        ended = settle(*state, *l);
    }
    l.reset();
    if (ended) {
        ended();
    }
    return true;
}

} // namespace

parking_lot::parking_lot()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!epoll_ || !wake_ || watch_fd(epoll_.get(), wake_.get(), wake_key) != 0) {
        throw std::runtime_error(std::string("cannot wait for calls: ") + std::strerror(errno));
    }
}

bool parking_lot::add(const std::shared_ptr<lane> &l) noexcept
{
    const std::uint64_t key = next_++;
    try {
        lanes_.emplace(key, l);
    } catch (const std::bad_alloc &) {
        return false;
    }
    if (watch_fd(epoll_.get(), l->notify->poll_fd(), key) != 0) {
        lanes_.erase(key);
        return false;
    }
    l->parked = true;
    return true;
}

std::shared_ptr<lane> parking_lot::find(std::uint64_t key) const
{
    const auto found = lanes_.find(key);
    return found == lanes_.end() ? nullptr : found->second;
}

void parking_lot::take(std::uint64_t key)
{
    const auto found = lanes_.find(key);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second->notify->poll_fd(), nullptr);
    found->second->parked = false;
    lanes_.erase(found);
}

std::vector<std::shared_ptr<lane>> parking_lot::take_all()
{
    std::vector<std::shared_ptr<lane>> all;
    while (!lanes_.empty()) {
        all.push_back(lanes_.begin()->second);
        take(lanes_.begin()->first);
    }
    return all;
}

std::vector<std::shared_ptr<lane>> parking_lot::all() const
{
    std::vector<std::shared_ptr<lane>> lanes;
    for (const auto &[key, l] : lanes_) {
        lanes.push_back(l);
    }
    return lanes;
}

std::span<const parking_lot::woken> parking_lot::wait()
{
    std::array<epoll_event, 64> events;
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    woken_.clear();
    for (int i = 0; i < n; ++i) {
        const epoll_event &e = events[static_cast<std::size_t>(i)];
        if (e.data.u64 != wake_key) {
            woken_.push_back({e.data.u64, (e.events & EPOLLHUP) != 0 && (e.events & EPOLLIN) == 0});
        }
    }
    return woken_;
}

void parking_lot::wake() noexcept
{
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

void watch_parked(const std::shared_ptr<host_state> &state)
{
    while (!state->stopping.load()) {
        bool all = true;
        for (const auto &w : state->parked.wait()) {
            all = serve_woken(state, w) && all;
        }
        if (!all) {
            std::this_thread::sleep_for(pause_without_threads);
        }
    }
}

} // namespace deputyd
