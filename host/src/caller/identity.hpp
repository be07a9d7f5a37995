// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// Who called, as deputy_caller_v1 says; the call's thread. One read of /proc/TID/status tells the umask,
/// the groups and all the rest, from one moment.
/// read_privileges() does without it.
std::int32_t read_privileges(deputy_call *call, deputy_privileges *ret_privileges);
std::int32_t read_identity(deputy_call *call, deputy_identity *ret_identity);
std::int32_t read_groups(deputy_call *call, std::uint32_t *ret_groups, std::uint32_t count);

} // namespace deputyd
