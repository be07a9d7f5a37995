// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// Whether the call still waits for its answer, and so its thread is the one that made it.
/// @return 0, -ESRCH (killed, interrupted), -ECANCELED (the watchdog has answered),
///         or -ENOTSUP (the notify descriptor is not known, so nobody can tell).
std::int32_t check_valid(const deputy_call &call) noexcept;

/// Whether the notification waits at the listener; check_valid() without a call. Any thread.
bool still_waits(int listener, std::uint64_t id) noexcept;

/// Opens a pidfd of the calling thread, once a call; where the kernel (before 6.9) has none of threads,
/// one of the process that shares its descriptors. Not validated: check_valid() after use.
/// @return the descriptor (the call's), or a negative errno.
int pin_pidfd(deputy_call &call) noexcept;

/// Opens /proc/TID, once a call. Reading through it fails once that thread is gone, even if the number
/// is used again. Not validated: check_valid() after use.
/// @return the descriptor (the call's, O_PATH), or a negative errno.
int pin_proc(deputy_call &call) noexcept;

/// Reads call.status, once a call: the ids, groups, capabilities and umask of one moment in which the call
/// was valid. They stay when the caller goes, for undo.
/// @return 0 or a negative errno.
/// @throw std::bad_alloc.
std::int32_t pin_status(deputy_call &call);

/// Opens call.root, or call.cwd, once a call: another thread of the caller may move both meanwhile. Not
/// validated: check_valid() after use.
/// @return 0 or a negative errno.
std::int32_t pin_root(deputy_call &call) noexcept;
std::int32_t pin_cwd(deputy_call &call) noexcept;

/// Closes the pidfd and the directory in /proc. The call's owner.
void unpin(deputy_call &call) noexcept;

} // namespace deputyd
