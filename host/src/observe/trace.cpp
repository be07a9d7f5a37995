// SPDX-License-Identifier: Apache-2.0
#include "observe/trace.hpp"

#include <exception>
#include <utility>

namespace deputyd
{

bool trace_filter::fits(const call_report &r) const
{
    const bool succeeded = r.how == ending::value || r.how == ending::descriptor ||
                           r.how == ending::continued || (r.how == ending::off && r.error == 0);
    // A call without a handler is about itself: "NAME on ARCHITECTURE".
    const bool is_called =
        r.handler == "none" ? r.object.starts_with(syscall + " ") : r.handler.ends_with("." + syscall);
    return (container.empty() || r.container == container) &&
           (syscall.empty() || r.handler == syscall || is_called) && !(failed && succeeded);
}

trace_reader::taken trace_reader::take(std::chrono::milliseconds at_most)
{
    taken t;
    std::unique_lock lock(mutex_);
    some_.wait_for(lock, at_most, [&] { return !calls_.empty(); });
    t.calls.swap(calls_);
    t.dropped = std::exchange(dropped_, 0);
    return t;
}

bool trace_reader::offer(const call_report &r) noexcept
try {
    if (!filter_.fits(r)) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    if (calls_.size() >= most) {
        ++dropped_;
        return false;
    }
    calls_.push_back(r);
    some_.notify_one();
    return true;
} catch (const std::exception &) { // out of memory
    const std::lock_guard lock(mutex_);
    ++dropped_;
    return false;
}

std::shared_ptr<trace_reader> trace_hub::open(trace_filter f)
{
    const std::shared_ptr<trace_reader> reader(new trace_reader(std::move(f)), [this](trace_reader *r) {
        readers_.fetch_sub(1);
        delete r;
    });
    readers_.fetch_add(1);
    const std::lock_guard lock(mutex_);
    all_.remove_if([](const auto &one) { return one.expired(); });
    all_.push_back(reader);
    return reader;
}

void trace_hub::offer(const call_report &r) noexcept
{
    const std::lock_guard lock(mutex_);
    for (const auto &one : all_) {
        const auto reader = one.lock();
        if (reader && !reader->offer(r)) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

} // namespace deputyd
