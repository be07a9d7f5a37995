// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/reply.hpp"

namespace deputyd
{

struct served_call;

/// What a call gets that no handler takes: the errno by which the container's profile denies it, else EPERM.
/// Notes which call it is for those who look. The lane's thread.
decision unhandled(served_call &call) noexcept;

} // namespace deputyd
