// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.h>

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_CALLER_1, _DESCRIPTOR_1, _PATH_1 and _ACT_1.
extern const deputy_caller_v1 caller_table;
extern const deputy_descriptor_v1 descriptor_table;
extern const deputy_path_v1 path_table;
extern const deputy_act_v1 act_table;

} // namespace deputyd
