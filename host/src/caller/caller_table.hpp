// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.h>

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_CALLER_1.
extern const deputy_caller_v1 caller_table;

} // namespace deputyd
