// SPDX-License-Identifier: Apache-2.0
#include "notify/report.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

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

std::optional<std::uint32_t> uid_of(const deputy_call &call)
{
    constexpr std::size_t effective = 1;
    if (call.status) {
        return call.status->uid[effective];
    }
    if (call.proc < 0) {
        return std::nullopt;
    }
    const auto status = read_status(call.proc);
    return status ? std::optional(status->uid[effective]) : std::nullopt;
}

bool is_grant(const call_end &end, bool has_effect) noexcept
{
    return has_effect && (end.how == ending::value || end.how == ending::descriptor);
}

bool is_refusal(const call_end &end) noexcept
{
    return end.how == ending::failed || end.how == ending::late ||
           (end.how == ending::error && (end.error == EPERM || end.error == EACCES));
}

/// @param unlogged refusals before it that nobody was told of.
void write_audit(const call_report &r, bool granted, std::uint64_t unlogged)
{
    nlohmann::json line = json_of(r);
    line["verdict"] = granted ? "granted" : "refused";
    line.erase("time"); // the log has one
    if (unlogged != 0) {
        line["unlogged"] = unlogged;
    }
    constexpr bool ascii = true;
    log().info("audit: {}", line.dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace));
}

void audit(host_state &state, container_load &load, const call_report &r, const call_end &end,
           bool has_effect)
{
    if (is_grant(end, has_effect)) {
        write_audit(r, true, 0);
    } else if (is_refusal(end)) {
        if (load.log_allowed()) {
            write_audit(r, false, load.unlogged_refusals.exchange(0));
        } else {
            load.unlogged_refusals.fetch_add(1);
            state.audit_unlogged.fetch_add(1);
        }
    }
}

} // namespace

bool is_looked_at(const host_state &state) noexcept
{
    return state.settings.audit || state.trace.wanted();
}

bool is_looked_at(const host_state &state, const call_end &end, bool has_effect) noexcept
{
    return state.trace.wanted() || (state.settings.audit && (is_grant(end, has_effect) || is_refusal(end)));
}

call_report report_of(const deputy_call &call, const handler *by)
{
    call_report r;
    r.container = call.container->name;
    r.tid = call.syscall.tid;
    r.uid = uid_of(call);
    r.command = call.proc < 0 ? std::string() : command_of(call.proc);
    r.handler = name_of(by);
    std::copy(std::begin(call.syscall.args), std::end(call.syscall.args), r.args.begin());
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
    if (state.settings.audit) {
        audit(state, load, report, end, has_effect);
    }
    if (state.trace.wanted()) {
        state.trace.offer(report);
    }
}

} // namespace deputyd
