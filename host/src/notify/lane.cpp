// SPDX-License-Identifier: Apache-2.0
#include "notify/lane.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <linux/seccomp.h>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "caller/pin.hpp"
#include "notify/call_end.hpp"
#include "notify/deferred.hpp"
#include "notify/dispatch.hpp"
#include "notify/host_state.hpp"
#include "notify/reply.hpp"
#include "notify/report.hpp"
#include "notify/stop_signal.hpp"
#include "notify/watchdog.hpp"

namespace deputyd
{
namespace
{

/// The registers as the plugin sees them.
deputy_syscall syscall_of(const seccomp_notif &n, const container &c) noexcept
{
    deputy_syscall s{};
    s.struct_size = sizeof s;
    s.arch = n.data.arch;
    s.nr = n.data.nr;
    s.tid = n.pid;
    s.container = c.id;
    s.instruction_pointer = n.data.instruction_pointer;
    for (std::size_t i = 0; i < std::size(s.args); ++i) {
        s.args[i] = n.data.args[i];
    }
    return s;
}

/// What the watchdog has answered for the handler that ran last.
call_end end_of_late(const seat &at) noexcept
{
    return {ending::late, late_answer(at).error};
}

/// Answers, and undoes what the caller did not get or the handler did not finish.
call_end conclude(seat &at, deputy_call &call, dispatched &made)
{
    lane &l = *at.serves;
    const bool mine = at.calls.take_reply();
    at.slot->set_phase(call_phase::answering);
    delivery outcome = delivery::lost;
    if (mine) {
        end_in_flight(at); // who has the answer may make the next call at once
        outcome = deliver(*l.notify, call.id, made.what, l.of->wait_killable);
    }
    made.fd.reset();
    const call_end end = mine ? end_of(made.what, outcome) : end_of_late(at);
    if (made.by == nullptr) {
        return end;
    }
    if (outcome == delivery::misbehaving) {
        log_misbehaving(*made.by->is, *l.of, call.syscall.tid, *l.load,
                        "replied with a descriptor that cannot be sent");
    }
    if (outcome != delivery::delivered || made.what.why == decision::cause::failure) {
        undo(*made.by->is, call);
    }
    return end;
}

/// The same, for those too who look at calls.
void conclude_seen(host_state &state, seat &at, deputy_call &call, dispatched &made)
{
    lane &l = *at.serves;
    const bool has_effect =
        call.token->size != 0 || made.what.what == decision::kind::descriptor || made.what.would_act;
    if (is_looked_at(state, *l.load, end_of(made.what, delivery::delivered), has_effect)) {
        pin_proc(call); // while the caller waits
    }
    const call_end end = conclude(at, call, made);
    l.notify->finish(call.id);
    const handler *by = made.by == nullptr ? nullptr : made.by->is;
    l.load->statistics.add(by, end.how, end.error, std::chrono::steady_clock::now() - call.began);
    if (!is_looked_at(state, *l.load, end, has_effect)) {
        pass_over(state, *l.load, end);
        return;
    }
    try {
        tell(state, *l.load, report_of(call, by), end, has_effect);
    } catch (const std::exception &) { // out of memory; the call was served
    }
}

/// The call is its ticket's now, unless the watchdog has answered for a handler that was late to say so.
void let_go(seat &at, served_call &call)
{
    if (!at.calls.take_reply()) {
        if (abandon(*call.deferred)) {
            call.deferred->count(end_of_late(at));
        }
    }
}

/// Serves the call in the slot. @return false if the thread was replaced meanwhile.
bool serve_call(const std::shared_ptr<host_state> &state, seat &at)
{
    lane &l = *at.serves;
    const auto &n = *reinterpret_cast<const seccomp_notif *>(at.slot->notification);
    served_call call;
    call.state = &state;
    call.at = &at;
    call.listener = l.notify->listener_fd();
    call.id = n.id;
    call.syscall = syscall_of(n, *l.of);
    call.container = l.of.get();
    call.turn = &at.calls;
    call.token = &at.slot->token;
    call.pidfd = call.proc = -1;
    call.began = std::chrono::steady_clock::now();

    at.id.store(n.id, std::memory_order_relaxed);
    at.nr.store(n.data.nr, std::memory_order_relaxed);
    at.caller.store(n.pid, std::memory_order_relaxed);
    at.listener.store(call.listener, std::memory_order_relaxed);
    at.running.store(nullptr, std::memory_order_relaxed);
    at.off_error.store(0, std::memory_order_relaxed);
    begin_in_flight(at);
    at.calls.begin();
    state->noticed();
    at.slot->set_phase(call_phase::handling);
    std::optional<stop_signal::blocked> undisturbed;
    if (at.called_off.load()) { // either this is seen, or the call by whoever is about to send the signal
        undisturbed.emplace();
    }

    dispatched made = dispatch(at, call);
    if (made.is_deferred) {
        let_go(at, call);
    } else {
        conclude_seen(*state, at, call, made);
    }
    end_in_flight(at);
    unpin(call);
    clear(*at.slot);
    if (at.blocking.load()) {
        l.load->waiting.fetch_sub(1);
    }
    return at.calls.end();
}

/// Leaves the lane to the parking lot if that is asked for. @return false if it must be served on.
bool park(host_state &state, seat &at)
{
    if (!at.called_off.load()) {
        return false;
    }
    const std::lock_guard lock(state.mutex);
    return !state.stopping.load() && state.parked.add(at.serves);
}

} // namespace

leaving serve_lane(const std::shared_ptr<host_state> &state, seat &at)
{
    const lane &l = *at.serves;
    while (!state->stopping.load(std::memory_order_relaxed)) {
        switch (l.notify->receive(at.slot->notification)) {
        case channel::received::call:
            if (!serve_call(state, at)) {
                return leaving::replaced;
            }
            break;
        case channel::received::nothing:
            break;
        case channel::received::interrupted:
            if (park(*state, at)) {
                return leaving::parked;
            }
            break;
        case channel::received::gone:
            return leaving::over;
        case channel::received::broken:
            log().error("{}: a listener fails and is closed: {}", l.of->name, std::strerror(errno));
            return leaving::over;
        }
    }
    return leaving::stopping;
}

} // namespace deputyd
