// SPDX-License-Identifier: Apache-2.0
#include "notify/watchdog.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "notify/deferred.hpp"
#include "notify/own_answer.hpp"

namespace deputyd
{
namespace
{

using clock = std::chrono::steady_clock;

constexpr int ticks_before_sleep = 20;
/// How often deferred calls are looked at.
constexpr auto deferred_interval = std::chrono::milliseconds(20);

/// When a call of the lane is answered for at the latest, deadlines or not.
clock::duration deadline_of(const host_state &state, const seat &s) noexcept
{
    const auto patience = s.serves->notify->patience();
    if (!state.settings.deadlines) {
        return patience;
    }
    const ruled_handler *h = s.running.load(std::memory_order_relaxed);
    const bool has_own = h != nullptr && h->deadline.count() != 0;
    return std::min<clock::duration>(has_own ? h->deadline : state.settings.deadline, patience);
}

void expire(host_state &state, seat &s, turn::word w, clock::duration age)
{
    const ruled_handler *h = s.running.load(std::memory_order_relaxed);
    const std::int32_t nr = s.nr.load(std::memory_order_relaxed);
    if (!answer_for(s, w) || !s.serves->load->log_allowed()) {
        return;
    }
    const int error = late_answer(s).error;
    log().error("{}: plugin {} has not answered {} in {} ms (deadline {} ms): the caller gets {}",
                s.serves->of->name, h == nullptr ? "none" : h->is->plugin->name(),
                h == nullptr ? "system call " + std::to_string(nr) : h->is->syscall,
                std::chrono::duration_cast<std::chrono::milliseconds>(age).count(),
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline_of(state, s)).count(),
                error == 0 ? "what the kernel says" : errno_name(error));
}

void replace(const std::shared_ptr<host_state> &state, const std::shared_ptr<seat> &s, turn::word w)
{
    try {
        start_follower(state, *s, w, true);
    } catch (const std::exception &e) { // the next tick tries again
        if (s->serves->load->log_allowed()) {
            log().error("{}: no thread can take over from a slow one: {}", s->serves->of->name, e.what());
        }
    }
}

/// Asks a thread that has had no call for long to leave its lane to the parking lot.
void retire(host_state &state, seat &s)
{
    const std::lock_guard lock(state.mutex);
    if (!state.stopping.load()) {
        interrupt_waiting(s);
    }
}

/// Ends the wait of a handler that blocks if it is over: interrupts it at every look until it returns.
void look_at_blocking(host_state &state, seat &s)
{
    std::int32_t why = s.wait_over.load();
    if (why == 0) {
        why = wait_is_over(s.listener.load(std::memory_order_relaxed), s.id.load(std::memory_order_relaxed),
                           s.caller.load(std::memory_order_relaxed), s.serves->of->wait_killable);
    }
    if (why != 0) {
        const std::lock_guard lock(state.mutex);
        interrupt_blocking(s, why);
    }
}

/// Looks at one thread. @return whether it has a call, or had a new one since the last look.
bool look(const std::shared_ptr<host_state> &state, const std::shared_ptr<seat> &s, clock::time_point now)
{
    const turn::word w = s->calls.load();
    const bool fresh = turn::number_of(w) != s->seen;
    s->seen = turn::number_of(w);
    if (fresh) {
        s->seen_at = now;
        if (!state->stopping.load()) {
            s->called_off.store(false);
        }
    }
    if (turn::state_of(w) == call_state::receiving) {
        const bool idle = now - s->seen_at >= state->settings.idle;
        if (idle) {
            retire(*state, *s);
        }
        return fresh || idle; // until it is gone
    }
    if (s->blocking.load()) {
        look_at_blocking(*state, *s);
        return true;
    }
    const auto age = now - s->seen_at;
    if (!turn::is_replaced(w) && age >= state->settings.slow) {
        replace(state, s, w);
    }
    if (age >= deadline_of(*state, *s)) {
        const turn::word now_replaced = s->calls.load();
        if (turn::number_of(now_replaced) == s->seen) {
            expire(*state, *s, now_replaced, age);
        }
    }
    return true;
}

/// Looks at every thread once. The copy of the list is kept from one time to the next for its memory.
/// @param[out] ret_any whether there are threads.
bool look_at_all(const std::shared_ptr<host_state> &state, std::vector<std::shared_ptr<seat>> &seats,
                 bool &ret_any)
{
    {
        const std::lock_guard lock(state->mutex);
        seats = state->seats;
    }
    ret_any = !seats.empty();
    const auto now = clock::now();
    bool busy = false;
    for (const auto &s : seats) {
        busy = look(state, s, now) || busy;
    }
    seats.clear();
    join_ended(*state);
    return busy;
}

} // namespace

decision late_answer(const seat &s) noexcept
{
    return instead(s.running.load(std::memory_order_relaxed), s.off_error.load(std::memory_order_relaxed),
                   decision::cause::failure);
}

bool answer_for(seat &s, turn::word call) noexcept
{
    // Read before the word is found unchanged: so it is this call's.
    const std::uint64_t id = s.id.load(std::memory_order_relaxed);
    const decision d = late_answer(s);
    if (!s.calls.answer_for(call)) {
        return false;
    }
    end_in_flight(s);
    deliver(*s.serves->notify, id, d, s.serves->of->wait_killable);
    return true;
}

namespace
{

/// Looks at deferred calls when it is time. @return how long nothing needs the watchdog if no call comes.
clock::duration look_after_deferred(const host_state &state, clock::time_point &next)
{
    if (state.deferred.load() == 0) {
        return state.settings.idle;
    }
    if (clock::now() >= next) {
        look_at_deferred(state);
        next = clock::now() + deferred_interval;
    }
    return std::min<clock::duration>(state.settings.idle, deferred_interval);
}

} // namespace

void watch(const std::shared_ptr<host_state> &state)
{
    const auto tick =
        std::max<std::chrono::microseconds>(state->settings.slow / 2, std::chrono::microseconds{500});
    std::vector<std::shared_ptr<seat>> seats;
    clock::time_point next_deferred;
    for (int quiet = 0; !state->done.load();) {
        bool any = false;
        const auto pause = look_after_deferred(*state, next_deferred);
        quiet = look_at_all(state, seats, any) ? 0 : quiet + 1;
        std::unique_lock lock(state->sleeping);
        if (quiet < ticks_before_sleep) {
            state->wake.wait_for(lock, tick);
            continue;
        }
        // A call that begins now either sees the flag or is seen by this last look.
        state->asleep.store(true);
        lock.unlock();
        const bool busy = look_at_all(state, seats, any);
        lock.lock();
        if (busy) {
            state->asleep.store(false);
        }
        const auto woken = [&] { return !state->asleep.load() || state->done.load(); };
        if (!any && state->deferred.load() == 0) {
            state->wake.wait(lock, woken);
        } else if (!state->wake.wait_for(lock, pause, woken)) {
            state->asleep.store(false); // to see who may leave
            quiet = ticks_before_sleep;
            continue;
        }
        quiet = 0;
    }
}

} // namespace deputyd
