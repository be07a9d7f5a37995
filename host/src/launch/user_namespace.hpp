// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <sys/types.h>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Maps ids 0 to 65,535 of a child's new user namespace to the range at base. The child must not have been
/// reaped. @throw std::runtime_error.
void write_id_maps(pid_t child, std::uint32_t base);

/// A user namespace with that mapping and nothing in it, for idmapped mounts. One thread only.
/// @throw std::runtime_error.
deputy::unique_fd mapping_namespace(std::uint32_t base);

} // namespace deputyd
