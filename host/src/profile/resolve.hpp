// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "profile/rule.hpp"

namespace deputyd::profile
{

/// What the conditions in docker's and podman's profiles ask about.
struct circumstances {
    std::vector<std::string> capabilities; ///< that the container keeps, as CAP_CHOWN
    std::string kernel;                    ///< "6.1.0"
};

/// This machine, and a container with these capabilities, separated by commas: with or without CAP_;
/// "default" for those that podman keeps, "all", "none". @throw std::runtime_error.
circumstances circumstances_here(std::string_view capabilities);

/// Makes linux.seccomp of runtime-spec from a profile of docker or podman: rules whose conditions hold, and
/// the architectures of this machine. One that is in runtime-spec's form keeps its architectures.
/// @throw std::runtime_error saying what is wrong in it.
json resolve(const json &profile, const circumstances &c);

} // namespace deputyd::profile
