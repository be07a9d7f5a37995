// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "observe/call_report.hpp"

namespace deputyd
{

/// What is written of privileged effects and of refusals.
enum class audit_form : std::uint8_t {
    off,
    text, ///< for people: control characters and bytes that are no UTF-8 are escaped
    json, ///< an object of JSON, in ASCII whatever bytes a container chose
};

/// One line of the audit log, without its end: see deputyd(8).
/// @param granted the caller got the effect. @param unlogged refusals before it that nobody was told of.
/// @param form not off. @throw std::bad_alloc.
std::string audit_line(const call_report &r, bool granted, std::uint64_t unlogged, audit_form form);

} // namespace deputyd
