// SPDX-License-Identifier: Apache-2.0
#include "notify/dispatch.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <optional>
#include <utility>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "notify/deferred.hpp"
#include "notify/journal.hpp"
#include "notify/own_answer.hpp"
#include "notify/report.hpp"
#include "notify/unhandled.hpp"

namespace deputyd
{
namespace
{

constexpr const char *no_verdict = "returned a verdict that is none";

/// Whether an errno or value is one that a system call can return. @return nullptr, or what is wrong.
const char *fault_in_reply(const deputy_answer &a) noexcept
{
    if (a.error != 0 && !is_errno(a.error)) {
        return "replied with an error that is none";
    }
    if (a.error == 0 && a.value < 0 && a.value >= -highest_errno) {
        return "replied with a value that is an error";
    }
    return nullptr;
}

const char *fault_in_descriptor(const deputy_answer &a) noexcept
{
    const int flags = a.fd < 0 ? -1 : ::fcntl(a.fd, F_GETFL);
    if (flags < 0) {
        return "replied with a descriptor that is none";
    }
    if ((flags & O_PATH) != 0) {
        return "replied with an O_PATH descriptor, which cannot be sent";
    }
    if (a.number < -1) {
        return "replied with a descriptor for a number that is none";
    }
    return (a.fd_flags & ~static_cast<std::uint32_t>(O_CLOEXEC)) != 0
               ? "replied with descriptor flags other than O_CLOEXEC"
               : nullptr;
}

/// The decision of a verdict that has no fault.
decision decision_of(const ruled_handler &by, deputy_verdict verdict, const deputy_answer &a) noexcept
{
    decision d;
    d.misfit_error = by.fail_error;
    switch (verdict) {
    case DEPUTY_REPLY:
        d.what = a.error != 0 ? decision::kind::error : decision::kind::value;
        d.error = a.error;
        d.value = a.value;
        break;
    case DEPUTY_REPLY_FD:
        d.what = decision::kind::descriptor;
        d.fd = a.fd;
        d.fd_flags = a.fd_flags;
        d.number = a.number;
        break;
    default:
        d.what = decision::kind::proceed;
        break;
    }
    return d;
}

decision judge(const ruled_handler &by, int off_error, const deputy_call &call, container_load &load,
               deputy_verdict verdict, const deputy_answer &a)
{
    const handler &h = *by.is;
    if (verdict < 0) {
        // The host itself said the one or the other: a caller that has gone is no failure.
        const bool gone = verdict == -ESRCH || verdict == -ECANCELED;
        if (!gone && load.log_allowed()) {
            log().error("{}: plugin {} failed in {} of thread {}: {}", call.container->name, h.plugin->name(),
                        h.syscall, call.syscall.tid, std::strerror(-verdict));
        }
        return instead(&by, off_error, decision::cause::failure);
    }
    const char *fault = fault_in_answer(verdict, a, h.plugin->may_continue());
    if (fault != nullptr) {
        log_misbehaving(h, *call.container, call.syscall.tid, load, fault);
        return instead(&by, off_error, decision::cause::failure);
    }
    return decision_of(by, verdict, a);
}

/// Lets a handler decide a call. @return nothing if it passes.
std::optional<dispatched> ask(seat &at, served_call &call, const ruled_handler &by, int off_error)
{
    lane &l = *at.serves;
    const handler &h = *by.is;
    call.may_commit = h.undo != nullptr;
    std::atomic_ref(at.slot->fail_error).store(journal_error(by, off_error), std::memory_order_relaxed);
    at.off_error.store(off_error, std::memory_order_relaxed);
    at.running.store(&by, std::memory_order_relaxed);
    deputy_answer answer{};
    answer.struct_size = sizeof answer;
    answer.fd = answer.number = -1;
    const deputy_verdict verdict = h.plugin->handle(h, call, call.syscall, answer);
    dispatched result;
    result.by = &by;
    result.fd = descriptor_given(verdict, answer);
    if (call.deferred && verdict != DEPUTY_DEFER) {
        log_misbehaving(h, *call.container, call.syscall.tid, *l.load,
                        "deferred a call and answered it all the same");
        abandon(*call.deferred);
        call.deferred.reset();
    }
    if (verdict != DEPUTY_PASS) {
        result.is_deferred = verdict == DEPUTY_DEFER && call.deferred;
        if (!result.is_deferred) {
            result.what = judge(by, off_error, call, *l.load, verdict, answer);
        }
        if (by.observed && (call.would_act || result.what.why != decision::cause::failure)) {
            result.what = when_observed(off_error, result.what, call.would_act);
        }
        return result;
    }
    if (call.token->size != 0) {
        log_misbehaving(h, *call.container, call.syscall.tid, *l.load,
                        "passed a call after it had committed an effect");
        undo(h, call);
    }
    std::atomic_ref(at.slot->fail_error).store(0, std::memory_order_relaxed);
    return std::nullopt;
}

/// Of two handlers that are off the one whose calls are not left to the kernel.
const ruled_handler *stricter(const ruled_handler *a, const ruled_handler *b) noexcept
{
    return a == nullptr || a->is->off_error == 0 ? b : a;
}

/// Says why, for those who look.
void note_reason(served_call &call, const char *reason) noexcept
{
    if (is_looked_at(**call.state)) {
        try {
            call.reason = reason;
        } catch (const std::exception &) { // out of memory
        }
    }
}

} // namespace

deputy::unique_fd descriptor_given(deputy_verdict verdict, const deputy_answer &a) noexcept
{
    const bool given = a.fd > STDERR_FILENO || (verdict == DEPUTY_REPLY_FD && a.fd >= 0);
    return given ? deputy::unique_fd{a.fd} : deputy::unique_fd{};
}

decision judge_deferred(const ruled_handler &by, deputy_verdict verdict, const deputy_answer &a,
                        const char *&fault) noexcept
{
    constexpr int never_off = 0; // what is observed is not deferred
    if (verdict < 0) {
        return instead(&by, never_off, decision::cause::failure);
    }
    fault = verdict == DEPUTY_PASS ? no_verdict : fault_in_answer(verdict, a, by.is->plugin->may_continue());
    return fault == nullptr ? decision_of(by, verdict, a) : instead(&by, never_off, decision::cause::failure);
}

dispatched dispatch(seat &at, served_call &call)
{
    container_load &load = *at.serves->load;
    const handler_table &table = load.handlers.now();
    const int denied = denied_error(call);
    const auto off_error = [&](const ruled_handler &h) {
        return denied != 0 ? denied : static_cast<int>(h.is->off_error);
    };
    const ruled_handler *off = nullptr, *asked = nullptr;
    for (const ruled_handler *h : table.find(call.syscall.arch, call.syscall.nr)) {
        if (!matches(h->is->predicates, call.syscall.args)) {
            continue;
        }
        if (!h->on) {
            off = stricter(off, h);
            continue;
        }
        call.observed = h->observed;
        if (const char *limit =
                asked != nullptr ? nullptr : over_limit(**call.state, load, table.limits(), call.began)) {
            note_reason(call, limit);
            return {.what = instead(h, off_error(*h), decision::cause::limit), .by = h, .fd = {}};
        }
        asked = asked == nullptr ? h : asked;
        if (auto made = ask(at, call, *h, off_error(*h))) {
            if (denied != 0 && made->what.what == decision::kind::proceed) {
                made->what = deny(call, denied); // the filter would not have let it through
            }
            return std::move(*made);
        }
        if (call.turn->answered()) {
            break;
        }
    }
    const ruled_handler *without = asked != nullptr && asked->observed ? asked
                                   : asked == nullptr                  ? off
                                                                       : nullptr;
    if (without != nullptr && denied == 0) {
        return {.what = when_off(off_error(*without)), .by = without, .fd = {}};
    }
    return {.what = unhandled(call, denied), .by = nullptr, .fd = {}};
}

void undo(const handler &by, deputy_call &call)
{
    if (call.token->size == 0 || by.undo == nullptr) {
        return;
    }
    call.undoing = true;
    by.plugin->undo(by, call, call.token->bytes, call.token->size);
    call.undoing = false;
    std::atomic_ref(call.token->size).store(0, std::memory_order_release);
}

void log_misbehaving(const handler &by, const container &of, std::uint32_t tid, container_load &load,
                     const char *what)
{
    if (load.log_allowed()) {
        log().error("{}: plugin {} is misbehaving: in {} of thread {} it {}", of.name, by.plugin->name(),
                    by.syscall, tid, what);
    }
}

const char *fault_in_answer(deputy_verdict verdict, const deputy_answer &a, bool may_continue) noexcept
{
    switch (verdict) {
    case DEPUTY_PASS:
        return nullptr;
    case DEPUTY_REPLY:
        return fault_in_reply(a);
    case DEPUTY_REPLY_FD:
        return fault_in_descriptor(a);
    case DEPUTY_CONTINUE:
        return may_continue ? nullptr : "continued a call without the capability to";
    case DEPUTY_DEFER:
        return "deferred a call without a ticket";
    default:
        return verdict < 0 ? nullptr : no_verdict;
    }
}

} // namespace deputyd
