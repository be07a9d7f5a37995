// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/reply.hpp"
#include "plugin/call_rules.hpp"

namespace deputyd
{

/// What the caller gets while the handler is off: what the handler declares for that.
decision when_off(const ruled_handler &h) noexcept;

/// What the caller gets instead of an answer that the handler does not give, or may not.
/// @param h nullptr if it is not known. @param why failure or limit.
decision instead(const ruled_handler *h, decision::cause why) noexcept;

/// What goes into a call's journal slot while the handler has it: see journal_slot::fail_error.
std::int32_t journal_error(const ruled_handler &h) noexcept;

/// What the caller of an observed call gets.
/// @param would what the handler decided; the kernel's own decision is none. @param acts it wanted to do
/// something.
decision when_observed(const ruled_handler &h, const decision &would, bool acts) noexcept;

} // namespace deputyd
