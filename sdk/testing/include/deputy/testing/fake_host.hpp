// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_HOST_HPP
#define DEPUTY_TESTING_FAKE_HOST_HPP

/// @file
/// A host for unit tests of plugins: no root, no kernel, no container. See deputy/testing/kit.hpp.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

#include "fake_deferred.hpp"
#include "fake_files.hpp"
#include "fake_memory.hpp"
#include "fake_settings.hpp"
#include "faults.hpp"
#include "page_end.hpp"

namespace deputy::testing
{

namespace detail
{
struct effect_services;
struct host_services;
inline const void *find_table(std::string_view id);
} // namespace detail

/// A clock that a test moves. Any thread.
class fake_clock
{
public:
    void advance(std::chrono::milliseconds time) { now_ += time.count(); }
    [[nodiscard]] std::chrono::milliseconds now() const { return std::chrono::milliseconds(now_.load()); }

private:
    std::atomic<std::int64_t> now_ = 0;
};

/// A line of the log.
struct log_line {
    int level; ///< DEPUTY_LOG_*
    std::string text;
};

/// The host, and who calls: what a test sets holds for the calls that follow. Calls may be made from
/// several threads as long as nobody changes the host meanwhile.
class fake_host : public fake_memory
{
public:
    fake_host()
    {
        raw_->self = this;
        raw_->host.struct_size = sizeof(deputy_host);
        raw_->host.abi_minor = DEPUTY_ABI_MINOR;
        raw_->host.extension = &extension;
        raw_->host.log_enabled = [](const deputy_host *, std::int32_t) { return std::int32_t{1}; };
        raw_->host.log = &log;
        identity.struct_size = sizeof identity;
        identity.tid = identity.tgid = 100;
        identity.capabilities = (std::uint64_t{1} << 41) - 1;
        identity.in_container_user_ns = 1;
        identity.umask = 022;
    }
    fake_host(const fake_host &) = delete;
    fake_host &operator=(const fake_host &) = delete;

    using step_function = std::function<void(std::string_view service)>;

    [[nodiscard]] const deputy_host *raw() const { return &raw_->host; }

    /// Who calls. At first root of the container's own user namespace, with all capabilities.
    deputy_identity identity{};
    std::vector<std::uint32_t> groups;
    fake_files files;
    fake_settings settings;
    fake_deferred deferred;
    fake_clock clock;
    /// Whether somebody looks at calls, for deputy.describe/1.
    bool looks = true;
    /// deputy_container.wait_killable of containers added from now on.
    bool wait_killable = false;
    std::chrono::milliseconds deadline{5000}; ///< by the clock; then the call is answered for the handler
    faults fails;
    /// A negative errno for every service: -ESRCH (caller gone) or -ECANCELED (answered for the handler).
    std::int32_t failing = 0;
    /// The same for effect.commit alone.
    std::int32_t commit_failing = 0;
    /// What defer.interrupted says.
    std::int32_t interruption = 0;
    /// Called at each step with the service's name, before it acts: to change the caller meanwhile.
    step_function on_step;
    /// Extensions that this host has not, by id: to play an older one.
    std::set<std::string, std::less<>> lacking;

    /// Gives the caller a descriptor. @return its number there.
    std::int32_t open(unique_fd fd)
    {
        const std::int32_t number = next_descriptor_++;
        descriptors_[number] = std::move(fd);
        return number;
    }
    /// Gives the caller a descriptor with this number, instead of one that it may have there.
    void open_at(std::int32_t number, unique_fd fd) { descriptors_[number] = std::move(fd); }
    /// Closes one of the caller's.
    void close(std::int32_t fd) { descriptors_.erase(fd); }
    [[nodiscard]] bool has_descriptor(std::int32_t fd) const { return descriptors_.count(fd) != 0; }
    [[nodiscard]] int descriptor(std::int32_t fd) const { return descriptors_.at(fd).get(); }

    /// What plugins have logged so far.
    [[nodiscard]] std::vector<log_line> lines() const
    {
        const std::lock_guard hold(mutex_);
        return lines_;
    }
    void clear_lines()
    {
        const std::lock_guard hold(mutex_);
        lines_.clear();
    }
    /// Whether a line contains the text.
    [[nodiscard]] bool logged(std::string_view text) const
    {
        const auto all = lines();
        return std::any_of(all.begin(), all.end(),
                           [&](const log_line &l) { return l.text.find(text) != std::string::npos; });
    }
    /// A counter's value. @throw std::out_of_range if the plugin has none of that name.
    [[nodiscard]] std::uint64_t counter(const std::string &name) const
    {
        const std::lock_guard hold(mutex_);
        return counts_.at(counters_.at(name));
    }
    /// Processes that a plugin watches: tgid, and the id that it got.
    [[nodiscard]] std::map<std::uint32_t, std::uint64_t> watched() const
    {
        const std::lock_guard hold(mutex_);
        return watched_;
    }

private:
    friend struct detail::effect_services;
    friend struct detail::host_services;
    friend class fake_plugin;

    struct framed_host {
        fake_host *self;
        deputy_host host; ///< at the end
    };

    static fake_host &of(const deputy_host *raw)
    {
        const auto *address = reinterpret_cast<const std::byte *>(raw) - offsetof(framed_host, host);
        return *reinterpret_cast<const framed_host *>(address)->self;
    }
    static void log(const deputy_host *raw, std::int32_t level, const char *text, std::uint64_t size)
    {
        auto &h = of(raw);
        const std::lock_guard hold(h.mutex_);
        h.lines_.push_back({level, std::string(text, size)});
    }
    static const void *extension(const deputy_host *raw, const char *id)
    {
        return of(raw).lacking.count(std::string_view(id)) == 0 ? detail::find_table(id) : nullptr;
    }

    page_end<framed_host> raw_{framed_host{}};
    std::map<std::int32_t, unique_fd> descriptors_;
    std::int32_t next_descriptor_ = 3;
    mutable std::mutex mutex_; ///< of what follows
    std::vector<log_line> lines_;
    std::map<std::string, std::uint32_t> counters_;
    std::vector<std::uint64_t> counts_;
    std::map<std::uint32_t, std::uint64_t> watched_;
    std::uint64_t next_process_ = 0;
    bool ready_ = false; ///< counters can be made no more
};

} // namespace deputy::testing

#include "fake_services.hpp"

#endif
