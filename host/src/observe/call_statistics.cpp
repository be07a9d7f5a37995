// SPDX-License-Identifier: Apache-2.0
#include "observe/call_statistics.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace deputyd
{

std::string_view name_of(ending how) noexcept
{
    constexpr std::array<std::string_view, endings> names = {
        "value", "error", "descriptor", "continued", "failed", "late", "lost", "limited", "off", "observed"};
    return names[static_cast<std::size_t>(how)];
}

std::uint64_t call_numbers::errors() const noexcept
{
    const auto of = [&](ending how) { return by_ending[static_cast<std::size_t>(how)]; };
    return of(ending::error) + of(ending::failed) + of(ending::late) + of(ending::limited);
}

call_numbers &call_numbers::operator+=(const call_numbers &more)
{
    std::transform(by_ending.begin(), by_ending.end(), more.by_ending.begin(), by_ending.begin(),
                   std::plus<>());
    for (const auto &[number, count] : more.by_errno) {
        by_errno[number] += count;
    }
    latency += more.latency;
    return *this;
}

call_statistics::~call_statistics()
{
    for (counted *c = first_.load(); c != nullptr;) {
        delete std::exchange(c, c->next);
    }
}

call_statistics::counted *call_statistics::find(const handler *by) noexcept
{
    counted *first = first_.load(std::memory_order_acquire);
    for (;;) {
        for (counted *c = first; c != nullptr; c = c->next) {
            if (c->by == by) {
                return c;
            }
        }
        auto fresh = std::unique_ptr<counted>(new (std::nothrow) counted);
        if (!fresh) {
            return nullptr;
        }
        fresh->by = by;
        fresh->next = first;
        if (first_.compare_exchange_strong(first, fresh.get(), std::memory_order_acq_rel)) {
            return fresh.release();
        }
        // Another thread was faster, with the same handler perhaps.
    }
}

void call_statistics::add(const handler *by, ending how, int error, std::chrono::nanoseconds time) noexcept
{
    counted *c = find(by);
    if (c == nullptr) {
        return; // out of memory
    }
    c->by_ending[static_cast<std::size_t>(how)].fetch_add(1, std::memory_order_relaxed);
    if (error != 0) {
        c->by_errno[static_cast<std::size_t>(std::clamp(error, 0, errnos - 1))].fetch_add(
            1, std::memory_order_relaxed);
    }
    c->latency.add(time);
}

call_statistics::by_handler call_statistics::read() const
{
    by_handler all;
    for (const counted *c = first_.load(std::memory_order_acquire); c != nullptr; c = c->next) {
        call_numbers &n = all[c->by];
        for (std::size_t i = 0; i < endings; ++i) {
            n.by_ending[i] = c->by_ending[i].load(std::memory_order_relaxed);
        }
        for (int i = 1; i < errnos; ++i) {
            if (const auto count = c->by_errno[static_cast<std::size_t>(i)].load(std::memory_order_relaxed)) {
                n.by_errno[i] = count;
            }
        }
        n.latency = c->latency.read();
    }
    return all;
}

} // namespace deputyd
