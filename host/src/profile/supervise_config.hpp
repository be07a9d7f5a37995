// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "profile/claim.hpp"
#include "profile/rule.hpp"

namespace deputyd::profile
{

/// Makes a container's config.json lead the claimed calls to deputyd: linux.seccomp, merged with what it has
/// or else allowing all other calls, its listener with metadata "policy=NAME"; and no limit on locked memory,
/// where it sets none and the caller may lift it.
/// @throw std::runtime_error if it cannot, as where it has another listener.
void supervise(json &config, std::span<const claim> wanted, const std::string &socket,
               const std::string &policy);

} // namespace deputyd::profile
