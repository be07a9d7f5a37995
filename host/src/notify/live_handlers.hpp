// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "plugin/handler_table.hpp"

namespace deputyd
{

/// The table that a container's calls are looked up in, which may be exchanged while they come: each call
/// uses the one that was there when it came. Any thread.
class live_handlers
{
public:
    explicit live_handlers(std::shared_ptr<const handler_table> first)
        : now_(first.get()), kept_{std::move(first)}
    {
    }

    const handler_table &now() const noexcept { return *now_.load(std::memory_order_acquire); }
    /// @throw std::bad_alloc.
    void use(std::shared_ptr<const handler_table> next)
    {
        const std::lock_guard lock(mutex_);
        kept_.push_back(std::move(next));
        now_.store(kept_.back().get(), std::memory_order_release);
    }

private:
    std::atomic<const handler_table *> now_;
    std::mutex mutex_; ///< for kept_
    /// With those before: a call that hangs may use any. They are as many as an operator changes flags.
    std::vector<std::shared_ptr<const handler_table>> kept_;
};

} // namespace deputyd
