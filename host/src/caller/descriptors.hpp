// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// Duplicates a descriptor of the calling thread, as deputy_caller_v1 says; the call's thread.
std::int32_t get_descriptor(deputy_call *call, std::int32_t fd, std::int32_t *ret_fd);

} // namespace deputyd
