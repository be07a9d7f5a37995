// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.h>

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_DESCRIBE_1.
extern const deputy_describe_v1 describe_table;

} // namespace deputyd
