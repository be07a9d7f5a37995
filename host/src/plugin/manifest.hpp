// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
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

/// Finds and reads the manifest in the bytes of a shared object. The bytes are not trusted.
/// @throw std::runtime_error with the reason.
manifest read_manifest(std::span<const std::byte> object);

/// Says whether this host can serve such a plugin.
/// @throw std::runtime_error with the reason and the remedy.
void check_abi(const manifest &m);

} // namespace deputyd
