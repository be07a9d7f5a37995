// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace deputyd
{

/// What a plugin says of itself before any of its code runs.
struct manifest {
    std::uint32_t abi_major;
    std::uint32_t abi_minor;
    std::uint32_t abi_minor_least;
    std::uint32_t capabilities; ///< DEPUTY_CAP_*
    std::string name;
    std::string version;
    std::vector<std::string> syscalls;
};

/// Whether text is 1 to 63 bytes of [a-z0-9_] that begin with no digit, as names of plugins, system calls and
/// counters are.
bool is_name(std::string_view text);

/// Finds and reads the manifest in the bytes of a shared object. The bytes are not trusted.
/// @throw std::runtime_error with the reason.
manifest read_manifest(std::span<const std::byte> object);

/// Says whether this host can serve such a plugin.
/// @throw std::runtime_error with the reason and the remedy.
void check_abi(const manifest &m);

} // namespace deputyd
