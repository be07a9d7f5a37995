// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// The caller's memory, as deputy_caller_v1 says; the call's thread. Each may block for ever.
std::int32_t read_memory(deputy_call *call, std::uint64_t address, void *buffer, std::uint64_t size);
std::int32_t read_string(deputy_call *call, std::uint64_t address, char *buffer, std::uint64_t size);
std::int32_t read_struct(deputy_call *call, std::uint64_t address, std::uint64_t user_size, void *buffer,
                         std::uint64_t known_size);
std::int32_t write_memory(deputy_call *call, std::uint64_t address, const void *buffer, std::uint64_t size);

} // namespace deputyd
