// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "caller/call.hpp"
#include "notify/call_end.hpp"
#include "notify/host_state.hpp"
#include "observe/call_report.hpp"

namespace deputyd
{

/// Whether anybody looks at calls: who traces, or the audit log.
bool is_looked_at(const host_state &state) noexcept;

/// Whether anybody looks at a call that ended so: all are traced; in the audit log are effects that were
/// granted, refusals, and what the container's profile denies.
/// @param has_effect the handler committed one, or gave a descriptor, or would have.
bool is_looked_at(const host_state &state, container_load &load, const call_end &end,
                  bool has_effect) noexcept;

/// For a call that nobody looks at: one that the log has no room for is counted.
void pass_over(host_state &state, container_load &load, const call_end &end) noexcept;

/// Who makes a call, and what it is about. Reads what is pinned of the caller, who may be gone.
/// @param by its handler, or nullptr. @throw std::bad_alloc.
call_report report_of(const deputy_call &call, const handler *by);

/// Hands a call that is over to those who look. The log has a limit of refusals a second.
void tell(host_state &state, container_load &load, call_report report, const call_end &end, bool has_effect);

} // namespace deputyd
