// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace deputyd
{

/// Sets the level (error, warning, info, debug) and the form: under journald ("<6>text") or for people
/// ("deputy: text"), on standard error. Call once, before any thread starts.
/// @return false if there is no such level.
bool start_log(std::string_view level);

/// The host's logger; any thread. Never on the path of a call that goes well.
spdlog::logger &log();

/// text with control characters and bytes that are not UTF-8 escaped, for what a container or plugin sent.
std::string escaped(std::string_view text);

} // namespace deputyd
