// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plugin/loaded_plugin.hpp"
#include "profile/cube.hpp"

namespace deputyd::profile
{

/// Calls of one system call that a profile must decide, whatever its base says of them.
struct claim {
    std::string syscall;
    int error = 0; ///< 0: hand them to the listener; else refuse them with this errno
    cubes calls;

    bool notifies() const { return error == 0; }
};

/// What the enabled handlers want, a claim for each system call in the order of the handlers; and, last, that
/// a container's own SECCOMP_FILTER_FLAG_NEW_LISTENER gets EBUSY, because such a listener would take the
/// calls.
/// @throw std::runtime_error naming a system call on which a container runtime itself depends under its
/// filter.
std::vector<claim> claims(std::span<const handler *const> enabled);

/// The calls that ask for a listener: seccomp(SECCOMP_SET_MODE_FILTER, flags with NEW_LISTENER).
cube new_listener();

bool any_notifies(std::span<const claim> all);

} // namespace deputyd::profile
