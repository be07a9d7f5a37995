// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace deputyd
{

/// Copies what fits into a struct of a plugin, which begins with the size that the plugin knows.
template <class T> std::int32_t give(T whole, T *ret) noexcept
{
    const std::uint32_t size = std::min<std::uint32_t>(ret->struct_size, sizeof whole);
    whole.struct_size = size;
    std::memcpy(ret, &whole, size);
    return 0;
}

} // namespace deputyd
