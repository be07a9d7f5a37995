// SPDX-License-Identifier: Apache-2.0
#include "observe/audit.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace deputyd
{
namespace
{

std::string number_text(const std::optional<std::uint32_t> &number)
{
    return number ? std::to_string(*number) : "?";
}

/// What the container cannot choose comes first: its own words may look like anything.
std::string text_of(const call_report &r, const char *verdict, std::uint64_t unlogged)
{
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(r.at.time_since_epoch());
    return fmt::format("{} {:%Y-%m-%dT%H:%M:%S}.{:06}Z pid={} uid={}{} {}", verdict,
                       fmt::gmtime(std::chrono::system_clock::to_time_t(r.at)), us.count() % 1'000'000,
                       number_text(r.pid), number_text(r.uid),
                       unlogged == 0 ? "" : fmt::format(" unlogged={}", unlogged), call_text(json_of(r)));
}

std::string json_text_of(const call_report &r, const char *verdict, std::uint64_t unlogged)
{
    nlohmann::json line = json_of(r);
    line["verdict"] = verdict;
    if (unlogged != 0) {
        line["unlogged"] = unlogged;
    }
    constexpr bool ascii = true;
    return line.dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace);
}

const char *verdict_of(const call_report &r, bool granted) noexcept
{
    if (r.observed) {
        return granted ? "would be granted" : "would be refused";
    }
    return granted ? "granted" : "refused";
}

} // namespace

std::string audit_line(const call_report &r, bool granted, std::uint64_t unlogged, audit_form form)
{
    const char *verdict = verdict_of(r, granted);
    return form == audit_form::json ? json_text_of(r, verdict, unlogged) : text_of(r, verdict, unlogged);
}

} // namespace deputyd
