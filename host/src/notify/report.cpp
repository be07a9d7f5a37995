// SPDX-License-Identifier: Apache-2.0
#include "notify/report.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

/// A task's name, of at most 15 bytes.
std::string command_of(int proc)
{
    char text[64];
    const deputy::unique_fd file(::openat(proc, "comm", O_RDONLY | O_CLOEXEC));
    const ssize_t n = file ? ::read(file.get(), text, sizeof text) : -1;
    return n > 1 ? std::string(text, static_cast<std::size_t>(n - 1)) : std::string();
}

/// Notes who the caller is, unless it is gone.
void identify(call_report &r, const deputy_call &call)
{
    const auto note = [&](const proc_status &s) {
        constexpr std::size_t effective = 1;
        r.pid = s.tgid;
        r.uid = s.uid[effective];
    };
    if (call.status) {
        note(*call.status);
    } else if (call.proc >= 0) {
        if (const auto status = read_status(call.proc)) {
            note(*status);
        }
    }
}

bool is_audited(const host_state &state) noexcept
{
    return state.audit.load(std::memory_order_relaxed) != audit_form::off;
}

bool is_grant(const call_end &end, bool has_effect) noexcept
{
    return has_effect && (end.how == ending::value || end.how == ending::descriptor ||
                          (end.how == ending::observed && end.error == 0));
}

bool is_refusal(const call_end &end) noexcept
{
    return end.denied || end.how == ending::failed || end.how == ending::late || end.how == ending::limited ||
           ((end.how == ending::error || end.how == ending::observed) &&
            (end.error == EPERM || end.error == EACCES));
}

/// Programs try what a profile denies without harm in mind: they shall not crowd out what is refused.
line_budget &budget_of(container_load &load, const call_end &end) noexcept
{
    return end.denied ? load.denial_lines : load.log_lines;
}

void count_unlogged(host_state &state, container_load &load) noexcept
{
    load.unlogged_refusals.fetch_add(1);
    state.audit_unlogged.fetch_add(1);
}

void audit(host_state &state, container_load &load, const call_report &r, const call_end &end,
           audit_form form)
{
    if (budget_of(load, end).take()) {
        log().info("audit: {}", audit_line(r, false, load.unlogged_refusals.exchange(0), form));
    } else {
        count_unlogged(state, load);
    }
}

} // namespace

bool is_looked_at(const host_state &state) noexcept
{
    return is_audited(state) || state.trace.wanted();
}

bool is_looked_at(const host_state &state, container_load &load, const call_end &end,
                  bool has_effect) noexcept
{
    return state.trace.wanted() ||
           (is_audited(state) &&
            (is_grant(end, has_effect) || (is_refusal(end) && !budget_of(load, end).is_spent())));
}

void pass_over(host_state &state, container_load &load, const call_end &end) noexcept
{
    if (is_audited(state) && is_refusal(end)) {
        count_unlogged(state, load);
    }
}

call_report report_of(const deputy_call &call, const handler *by)
{
    call_report r;
    r.container = call.container->name;
    r.tid = call.syscall.tid;
    identify(r, call);
    r.command = call.proc < 0 ? std::string() : command_of(call.proc);
    r.handler = name_of(by);
    std::copy(std::begin(call.syscall.args), std::end(call.syscall.args), r.args.begin());
    r.observed = call.observed;
    r.object = call.object;
    r.reason = call.reason;
    r.took = std::chrono::steady_clock::now() - call.began;
    r.at = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::microseconds>(r.took);
    return r;
}

void tell(host_state &state, container_load &load, call_report report, const call_end &end, bool has_effect)
{
    report.how = end.how;
    report.error = end.error;
    report.value = end.value;
    const audit_form form = state.audit.load(std::memory_order_relaxed);
    const bool granted = is_grant(end, has_effect);
    if (form != audit_form::off && granted) {
        log().info("audit: {}", audit_line(report, true, 0, form));
    } else if (form != audit_form::off && is_refusal(end)) {
        audit(state, load, report, end, form);
    }
    if (state.trace.wanted()) {
        state.trace.offer(report);
    }
}

} // namespace deputyd
