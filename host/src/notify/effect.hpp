// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.h>

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_EFFECT_1.
extern const deputy_effect_v1 effect_table;

} // namespace deputyd
