// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// Whether nothing may be done for the call, which is noted then.
inline bool is_only_observed(deputy_call &call) noexcept
{
    call.would_act = call.would_act || call.observed;
    return call.observed;
}

/// Operations on the caller's behalf, as deputy_act_v1 says; the call's thread.
std::int32_t act_mknod(deputy_call *call, std::int32_t directory, const char *name, std::uint32_t mode,
                       std::uint64_t device, std::uint64_t grant);
std::int32_t act_open(deputy_call *call, std::int32_t directory, const char *path, const open_how *how,
                      std::uint64_t how_size, std::uint64_t grant, std::int32_t *ret_fd);
std::int32_t act_unlink(deputy_call *call, std::int32_t directory, const char *name, std::uint32_t flags,
                        std::uint64_t grant);
std::int32_t act_cover(deputy_call *call, std::int32_t source, std::int32_t target);

} // namespace deputyd
