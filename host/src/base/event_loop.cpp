// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace deputyd
{
namespace
{

int must(int returned, const char *what)
{
    if (returned < 0) {
        throw std::system_error(errno, std::system_category(), what);
    }
    return returned;
}

} // namespace

event_loop::event_loop()
    : epoll_(must(epoll_create1(EPOLL_CLOEXEC), "epoll")),
      wake_(must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"))
{
    add(wake_.get(), EPOLLIN, [this](std::uint32_t) {
        std::uint64_t count = 0;
        (void)!read(wake_.get(), &count, sizeof count);
        run_posted();
    });
}

void event_loop::add(int fd, std::uint32_t events, callback call)
{
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    must(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    watches_[fd] = std::make_shared<watch>(watch{std::move(call)});
}

void event_loop::remove(int fd)
{
    const auto found = watches_.find(fd);
    if (found == watches_.end()) {
        return;
    }
    found->second->removed = true;
    watches_.erase(found);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

event_loop::timer event_loop::after(std::chrono::milliseconds delay, std::function<void()> call)
{
    const timer id = next_timer_++;
    timers_.emplace(std::pair(clock::now() + delay, id), std::move(call));
    return id;
}

void event_loop::cancel(timer which)
{
    std::erase_if(timers_, [&](const auto &entry) { return entry.first.second == which; });
}

void event_loop::post(std::function<void()> call)
{
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(call));
    }
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
}

void event_loop::stop()
{
    post([this] { stopped_ = true; });
}

int event_loop::until_next_timer() const
{
    if (timers_.empty()) {
        return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

void event_loop::run_timers()
{
    const auto now = clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        const auto call = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        call();
    }
}

void event_loop::run_posted()
{
    std::vector<std::function<void()>> calls;
    {
        const std::lock_guard lock(mutex_);
        calls.swap(posted_);
    }
    for (const auto &call : calls) {
        call();
    }
}

bool event_loop::round(int timeout)
{
    std::array<epoll_event, 64> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    if (count < 0 && errno != EINTR) {
        must(count, "epoll_wait");
    }
    // A callback may remove another descriptor of this round, and a new one may get its number: the
    // watches are taken before any callback runs.
    std::vector<std::pair<std::shared_ptr<watch>, std::uint32_t>> due;
    for (int i = 0; i < count; ++i) {
        const epoll_event event = events[static_cast<std::size_t>(i)];
        const auto found = watches_.find(event.data.fd);
        if (found != watches_.end()) {
            due.emplace_back(found->second, std::uint32_t{event.events});
        }
    }
    for (const auto &[w, what] : due) {
        if (!w->removed) {
            w->call(what);
        }
    }
    run_timers();
    return !due.empty();
}

void event_loop::run()
{
    for (stopped_ = false; !stopped_;) {
        round(until_next_timer());
    }
}

void event_loop::run_pending()
{
    constexpr int most = 1000; // somebody may send faster than we read
    for (int i = 0; i < most && round(0); ++i) {
    }
}

} // namespace deputyd
