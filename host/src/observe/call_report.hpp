// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "observe/call_statistics.hpp"

namespace deputyd
{

/// One call that is over, for traces and the audit log. Strings are as they came, not escaped.
struct call_report {
    std::chrono::system_clock::time_point at; ///< of its arrival
    std::string container;
    std::uint32_t tid = 0;            ///< 0 if not visible to the host
    std::optional<std::uint32_t> pid; ///< of its process, the host's number; none if the caller is gone
    std::optional<std::uint32_t> uid; ///< effective, the host's number; none if the caller is gone
    std::string command;              ///< as in /proc/TID/comm
    std::string handler;              ///< PLUGIN.SYSCALL
    std::array<std::uint64_t, 6> args{};
    bool observed = false; ///< whatever it ended with, nothing was done for it
    std::string object;    ///< what the plugin says that it is about
    std::string reason;    ///< why the plugin answered so
    ending how = ending::lost;
    int error = 0;
    std::int64_t value = 0; ///< for ending::value
    std::chrono::nanoseconds took{0};
};

/// All of it, for machines.
nlohmann::json json_of(const call_report &r);
/// A call as strace writes it, on one line, without its time. Control characters are escaped.
std::string call_text(const nlohmann::json &report);
/// The same behind the time of day. Control characters are escaped.
std::string trace_line(const nlohmann::json &report);

} // namespace deputyd
