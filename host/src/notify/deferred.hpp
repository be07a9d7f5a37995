// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "caller/call.hpp"
#include "notify/call_end.hpp"
#include "notify/host_state.hpp"
#include "observe/call_report.hpp"

namespace deputyd
{

/// Calls of a container that wait on purpose, deferred or in a handler that blocks.
constexpr std::int64_t waiting_limit = 64;

/// What plugins get for DEPUTY_EXT_DEFER_1.
extern const deputy_defer_v1 defer_table;

class deferred_call;

/// The call while its handler runs, with what the services of this folder need of the host.
struct served_call : deputy_call {
    const std::shared_ptr<host_state> *state = nullptr;
    seat *at = nullptr;
    std::shared_ptr<deferred_call> deferred; ///< by its handler, so far
};

/// A call that outlives its handler: answered by whoever takes it first, the plugin's complete(), the
/// watchdog once its caller waits no more, or the host's end. Shared by these and the thread that received
/// it.
class deferred_call
{
public:
    /// @throw std::bad_alloc. Takes the host's mutex.
    deferred_call(std::shared_ptr<host_state> state, std::shared_ptr<lane> from, const ruled_handler &by,
                  const served_call &call, journal_slot *slot);
    ~deferred_call();
    deferred_call(const deferred_call &) = delete;
    deferred_call &operator=(const deferred_call &) = delete;

    [[nodiscard]] std::uint64_t ticket() const noexcept { return ticket_; }
    /// The right to answer it, once.
    bool take() noexcept { return !taken_.exchange(true); }

    const std::shared_ptr<host_state> state;
    const std::shared_ptr<lane> from;
    const ruled_handler &by; ///< in a table that the container's load keeps
    const std::uint64_t id;  ///< of the notification
    const std::uint32_t tid;
    const int listener; ///< for ID_VALID; -1 if not known
    const std::chrono::steady_clock::time_point began;

    const int denied;     ///< by the container's profile: an errno, or 0
    bool counted = false; ///< in container_load::in_flight
    /// Counts it, and tells of it. By whoever has taken it, once.
    void count(const call_end &how) noexcept;

private:
    const std::uint64_t ticket_;
    std::optional<call_report> report_; ///< if somebody looks at calls
    journal_slot *const slot_;
    std::atomic<bool> taken_{false};
};

/// The handler of a call that it has deferred did not say so in its verdict, or came too late: the ticket is
/// dead, and the plugin told. The lane's thread. @return false if it was answered already.
bool abandon(deferred_call &call);

/// Ends the waits that are over: the caller is gone, or has a signal to handle. The watchdog's thread, now
/// and then while there are deferred calls.
void look_at_deferred(const host_state &state);

/// Answers every deferred call of the host as one that failed.
void end_deferred(const host_state &state);

/// Why a call that waits need not any more. @return 0, -ESRCH (its caller is gone) or -EINTR.
std::int32_t wait_is_over(int listener, std::uint64_t id, std::uint32_t tid, bool wait_killable) noexcept;

} // namespace deputyd
