// SPDX-License-Identifier: Apache-2.0
#include "notify/deferred.hpp"

#include <cerrno>
#include <cstring>
#include <map>
#include <new>
#include <vector>

#include "caller/act.hpp"
#include "caller/pin.hpp"
#include "caller/proc_status.hpp"
#include "notify/dispatch.hpp"
#include "notify/own_answer.hpp"
#include "notify/report.hpp"
#include "notify/stop_signal.hpp"
#include "notify/unhandled.hpp"

namespace deputyd
{
namespace
{

/// Every ticket of the process that is not answered. Plugins know tickets, and not whose they are.
struct ticket_book {
    std::mutex mutex;
    std::uint64_t next = 1;
    std::map<std::uint64_t, std::shared_ptr<deferred_call>> open;

    std::shared_ptr<deferred_call> find(std::uint64_t ticket)
    {
        const std::lock_guard lock(mutex);
        const auto found = open.find(ticket);
        return found == open.end() ? nullptr : found->second;
    }
    void remove(std::uint64_t ticket)
    {
        std::shared_ptr<deferred_call> last; // its end takes other mutexes
        const std::lock_guard lock(mutex);
        if (const auto found = open.find(ticket); found != open.end()) {
            last = std::move(found->second);
            open.erase(found);
        }
    }
    std::vector<std::shared_ptr<deferred_call>> of(const host_state &state)
    {
        std::vector<std::shared_ptr<deferred_call>> all;
        const std::lock_guard lock(mutex);
        for (const auto &[ticket, call] : open) {
            if (call->state.get() == &state) {
                all.push_back(call);
            }
        }
        return all;
    }
};

ticket_book &book()
{
    static auto *const all = new ticket_book; // threads that are left behind may come back
    return *all;
}

std::uint64_t next_ticket()
{
    const std::lock_guard lock(book().mutex);
    return book().next++;
}

/// Room for one more call that waits. @return false if there is none.
bool take_room(container_load &load) noexcept
{
    if (load.waiting.fetch_add(1) < waiting_limit) {
        return true;
    }
    load.waiting.fetch_sub(1);
    return false;
}

std::int32_t may_wait(const served_call &call) noexcept
{
    if ((*call.state)->stopping.load()) {
        return -ECANCELED;
    }
    return check_valid(call);
}

/// The call with a journal slot of its own. @return nullptr if there is no room. @throw std::bad_alloc.
std::shared_ptr<deferred_call> make_deferred(const served_call &call)
{
    lane &l = *call.at->serves;
    journal &calls = (*call.state)->calls;
    if (!take_room(*l.load)) {
        return nullptr;
    }
    journal_slot *slot = calls.acquire(l.of->id);
    if (slot == nullptr) {
        l.load->waiting.fetch_sub(1);
        return nullptr;
    }
    std::memcpy(slot->notification, call.at->slot->notification, sizeof slot->notification);
    slot->fail_error = call.at->running.load()->fail_error;
    slot->set_phase(call_phase::handling);
    try {
        return std::make_shared<deferred_call>(*call.state, call.at->serves, *call.at->running.load(), call,
                                               slot);
    } catch (...) {
        calls.release(slot);
        l.load->waiting.fetch_sub(1);
        throw;
    }
}

std::int32_t defer_checked(served_call &call, std::uint64_t *ret_ticket)
{
    if (const std::int32_t r = may_wait(call); r < 0 && r != -ENOTSUP) {
        return r;
    }
    if (is_only_observed(call)) {
        return -ECANCELED;
    }
    if (call.deferred) {
        return -EALREADY;
    }
    const auto made = make_deferred(call);
    if (!made) {
        return -EAGAIN;
    }
    {
        const std::lock_guard lock(book().mutex);
        book().open.emplace(made->ticket(), made);
    }
    (*call.state)->noticed();
    *ret_ticket = made->ticket();
    made->counted = call.at->in_flight.exchange(false);
    call.deferred = made;
    return 0;
}

std::int32_t defer(deputy_call *raw, std::uint64_t *ret_ticket)
try {
    return defer_checked(*static_cast<served_call *>(raw), ret_ticket);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

void tell_gone(const deferred_call &call)
{
    call.by.is->plugin->call_gone(call.ticket());
}

std::int32_t answer_deferred(deferred_call &call, deputy_verdict verdict, const deputy_answer &answer)
{
    lane &l = *call.from;
    const char *fault = nullptr;
    decision d = judge_deferred(call.by, verdict, answer, fault);
    if (call.denied != 0 && d.what == decision::kind::proceed) {
        d = when_denied(call.denied);
    }
    if (fault != nullptr && l.load->log_allowed()) {
        log_misbehaving(*call.by.is, *l.of, call.tid, *l.load, fault);
    }
    const delivery outcome = deliver(*l.notify, call.id, d, l.of->wait_killable);
    call.count(end_of(d, outcome));
    if (fault != nullptr || outcome == delivery::misbehaving) {
        return -EINVAL;
    }
    return outcome == delivery::lost ? -ESRCH : 0;
}

std::int32_t complete(const deputy_host *, std::uint64_t ticket, std::int32_t verdict,
                      const deputy_answer *given)
{
    deputy_answer answer{};
    answer.fd = answer.number = -1;
    std::memcpy(&answer, given, std::min<std::size_t>(given->struct_size, sizeof answer));
    const deputy::unique_fd owned = descriptor_given(verdict, answer);
    const auto call = book().find(ticket);
    if (!call || !call->take()) {
        return -ENOENT;
    }
    book().remove(ticket);
    return answer_deferred(*call, verdict, answer);
}

/// Another thread takes over receiving, unless one has already.
/// @param[out] ret_counted whether this thread was taken for one that hangs before.
std::int32_t hand_over(served_call &call, bool &ret_counted)
{
    seat &at = *call.at;
    const turn::word now = at.calls.load();
    ret_counted = turn::is_replaced(now);
    if (ret_counted || start_follower(*call.state, at, now, false)) {
        return 0;
    }
    ret_counted = turn::is_replaced(at.calls.load()); // meanwhile, by the watchdog
    return ret_counted ? 0 : -ECANCELED;              // the host stops
}

std::int32_t block_checked(served_call &call)
{
    if (const std::int32_t r = may_wait(call); r < 0) {
        return r;
    }
    if (is_only_observed(call)) { // without deputy its caller would not wait
        return -ECANCELED;
    }
    seat &at = *call.at;
    if (at.blocking.load()) {
        return 0;
    }
    container_load &load = *at.serves->load;
    if (!take_room(load)) {
        return -EAGAIN;
    }
    std::int32_t r = -EAGAIN;
    bool counted = false;
    try {
        r = hand_over(call, counted);
    } catch (const std::exception &) { // no room for a thread
    }
    if (r < 0) {
        load.waiting.fetch_sub(1);
        return r;
    }
    at.blocking.store(true);
    load.away.fetch_sub(counted ? 1 : 0); // it does not hang: it waits
    stop_signal::let_in();
    (*call.state)->noticed();
    return 0;
}

std::int32_t block(deputy_call *raw)
{
    return block_checked(*static_cast<served_call *>(raw));
}

std::int32_t interrupted(deputy_call *raw)
{
    const auto &call = *static_cast<served_call *>(raw);
    if (const std::int32_t why = call.at->wait_over.load(); why != 0) {
        return why;
    }
    if (const std::int32_t r = may_wait(call); r < 0) {
        return r;
    }
    return wait_is_over(call.listener, call.id, call.syscall.tid, call.container->wait_killable);
}

} // namespace

const deputy_defer_v1 defer_table = {
    .defer = defer, .complete = complete, .block = block, .interrupted = interrupted};

deferred_call::deferred_call(std::shared_ptr<host_state> s, std::shared_ptr<lane> l, const ruled_handler &h,
                             const served_call &call, journal_slot *slot)
    : state(std::move(s)), from(std::move(l)), by(h), id(call.id), tid(call.syscall.tid),
      listener(call.listener), began(call.began), denied(denied_error(call)), ticket_(next_ticket()),
      slot_(slot)
{
    if (is_looked_at(*state)) {
        report_ = report_of(call, by.is);
    }
    const std::lock_guard lock(state->mutex);
    ++from->deferred;
    state->deferred.fetch_add(1);
}

deferred_call::~deferred_call()
{
    from->notify->finish(id);
    state->calls.release(slot_);
    from->load->waiting.fetch_sub(1);
    from->load->in_flight.fetch_sub(counted ? 1 : 0, std::memory_order_relaxed);
    std::function<void()> ended;
    {
        const std::lock_guard lock(state->mutex);
        --from->deferred;
        state->deferred.fetch_sub(1);
        ended = settle(*state, *from);
        state->changed.notify_all();
    }
    if (ended) {
        ended();
    }
}

void deferred_call::count(const call_end &how) noexcept
{
    const auto took = std::chrono::steady_clock::now() - began;
    from->load->statistics.add(by.is, how.how, how.error, took);
    const bool has_effect = how.how == ending::descriptor;
    if (report_ && is_looked_at(*state, *from->load, how, has_effect)) {
        try {
            report_->took = took;
            tell(*state, *from->load, *report_, how, has_effect);
        } catch (const std::exception &) { // out of memory; the call was served
        }
    }
}

bool abandon(deferred_call &call)
{
    if (!call.take()) {
        return false;
    }
    book().remove(call.ticket());
    tell_gone(call);
    return true;
}

std::int32_t wait_is_over(int listener, std::uint64_t id, std::uint32_t tid, bool wait_killable) noexcept
{
    if (listener < 0) {
        return 0; // nobody can tell
    }
    if (!still_waits(listener, id)) {
        return -ESRCH;
    }
    // Without WAIT_KILLABLE the signal itself ends the call.
    const bool signalled = wait_killable && has_caught_signal(tid);
    return !still_waits(listener, id) ? -ESRCH : (signalled ? -EINTR : 0);
}

void look_at_deferred(const host_state &state)
{
    for (const auto &call : book().of(state)) {
        const std::int32_t why =
            wait_is_over(call->listener, call->id, call->tid, call->from->of->wait_killable);
        if (why != 0 && call->take()) {
            book().remove(call->ticket());
            if (why == -EINTR) {
                call->from->notify->reply(call->id, 0, EINTR);
            }
            call->count(why == -EINTR ? call_end{ending::error, EINTR} : call_end{});
            tell_gone(*call);
        }
    }
}

void end_deferred(const host_state &state)
{
    for (const auto &call : book().of(state)) {
        if (call->take()) {
            book().remove(call->ticket());
            call->from->notify->reply(call->id, 0, call->by.fail_error);
            call->count({ending::failed, call->by.fail_error});
            tell_gone(*call);
        }
    }
}

} // namespace deputyd
