// SPDX-License-Identifier: Apache-2.0
#include "notify/dispatch.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "notify/deferred.hpp"
#include "notify/journal.hpp"
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
decision decision_of(deputy_verdict verdict, const deputy_answer &a) noexcept
{
    decision d;
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

decision judge(const handler &h, const deputy_call &call, container_load &load, deputy_verdict verdict,
               const deputy_answer &a)
{
    if (verdict < 0) {
        // The host itself said the one or the other: a caller that has gone is no failure.
        const bool gone = verdict == -ESRCH || verdict == -ECANCELED;
        if (!gone && load.log_allowed()) {
            log().error("{}: plugin {} failed in {} of thread {}: {}", call.container->name, h.plugin->name(),
                        h.syscall, call.syscall.tid, std::strerror(-verdict));
        }
        return decision::failure(EPERM);
    }
    const char *fault = fault_in_answer(verdict, a, h.plugin->may_continue());
    if (fault != nullptr) {
        log_misbehaving(h, *call.container, call.syscall.tid, load, fault);
        return decision::failure(EPERM);
    }
    return decision_of(verdict, a);
}

} // namespace

deputy::unique_fd descriptor_given(deputy_verdict verdict, const deputy_answer &a) noexcept
{
    const bool given = a.fd > STDERR_FILENO || (verdict == DEPUTY_REPLY_FD && a.fd >= 0);
    return given ? deputy::unique_fd{a.fd} : deputy::unique_fd{};
}

decision judge_deferred(const handler &by, deputy_verdict verdict, const deputy_answer &a,
                        const char *&fault) noexcept
{
    if (verdict < 0) {
        return decision::failure(EPERM);
    }
    fault = verdict == DEPUTY_PASS ? no_verdict : fault_in_answer(verdict, a, by.plugin->may_continue());
    return fault == nullptr ? decision_of(verdict, a) : decision::failure(EPERM);
}

bool container_load::log_allowed() noexcept
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (log_second.exchange(now.tv_sec) != now.tv_sec) {
        log_lines = 0;
    }
    return log_lines.fetch_add(1) < 10;
}

dispatched dispatch(seat &at, served_call &call)
{
    lane &l = *at.serves;
    for (const handler *h : l.handlers->find(call.syscall.arch, call.syscall.nr)) {
        if (!matches(h->predicates, call.syscall.args)) {
            continue;
        }
        call.may_commit = h->undo != nullptr;
        at.running.store(h, std::memory_order_relaxed);
        deputy_answer answer{};
        answer.struct_size = sizeof answer;
        answer.fd = answer.number = -1;
        const deputy_verdict verdict = h->plugin->handle(*h, call, call.syscall, answer);
        dispatched result;
        result.fd = descriptor_given(verdict, answer);
        if (call.deferred && verdict != DEPUTY_DEFER) {
            log_misbehaving(*h, *call.container, call.syscall.tid, *l.load,
                            "deferred a call and answered it all the same");
            abandon(*call.deferred);
            call.deferred.reset();
        }
        if (verdict != DEPUTY_PASS) {
            result.by = h;
            result.is_deferred = verdict == DEPUTY_DEFER && call.deferred;
            if (result.is_deferred) {
                return result;
            }
            result.what = judge(*h, call, *l.load, verdict, answer);
            return result;
        }
        if (call.token->size != 0) {
            log_misbehaving(*h, *call.container, call.syscall.tid, *l.load,
                            "passed a call after it had committed an effect");
            undo(*h, call);
        }
        if (call.turn->answered()) {
            break;
        }
    }
    dispatched nobody;
    nobody.what = unhandled(call);
    return nobody;
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
