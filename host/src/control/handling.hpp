// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "intake/containers.hpp"
#include "policy/handlers.hpp"

namespace deputyd
{

/// Who handles a system call of a policy's containers, why, and with what settings, for "deputy explain".
/// @param who a container, or one that is only a policy.
/// @param syscall SYSCALL or PLUGIN.SYSCALL.
nlohmann::json view_of_handling(const container_handling &who, const flags_over &over,
                                const std::string &syscall);

} // namespace deputyd
