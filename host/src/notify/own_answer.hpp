// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/reply.hpp"
#include "plugin/call_rules.hpp"

namespace deputyd
{

// The errno of a call whose handler is off, off_error, is the one by which the container's profile denies the
// call, else the one that the handler declares; 0: the kernel decides.

/// What the caller gets while the handler is off.
decision when_off(int off_error) noexcept;

/// What the caller gets whose call the profile denies. @param error by which it does.
decision when_denied(int error) noexcept;

/// What the caller gets instead of an answer that the handler does not give, or may not.
/// @param h nullptr if it is not known. @param why failure or limit.
decision instead(const ruled_handler *h, int off_error, decision::cause why) noexcept;

/// What goes into a call's journal slot while the handler has it: see journal_slot::fail_error.
std::int32_t journal_error(const ruled_handler &h, int off_error) noexcept;

/// What the caller of an observed call gets.
/// @param would what the handler decided; the kernel's own decision is none. @param acts it wanted to do
/// something.
decision when_observed(int off_error, const decision &would, bool acts) noexcept;

} // namespace deputyd
