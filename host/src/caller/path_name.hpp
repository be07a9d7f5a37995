// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// The path of a descriptor of the host from the caller's root, as deputy_path_v1 says; the call's thread.
std::int32_t name_path(deputy_call *call, std::int32_t fd, char *buffer, std::uint64_t size);

} // namespace deputyd
