// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/reply.hpp"

namespace deputyd
{

struct served_call;
} // namespace deputyd
struct deputy_call;
namespace deputyd
{

/// The errno by which the container's profile denies a call that it hands over; 0: it does not.
int denied_error(const deputy_call &call) noexcept;

/// What such a call gets, with the reason for those who look.
decision deny(served_call &call, int denied) noexcept;

/// What a call gets that no handler takes: the errno by which the container's profile denies it, else EPERM.
/// Notes which call it is for those who look. The lane's thread.
/// @param denied denied_error().
decision unhandled(served_call &call, int denied) noexcept;

} // namespace deputyd
