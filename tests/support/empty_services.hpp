// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/loaded_plugin.hpp"

namespace deputy_test
{

/// Service tables for tests that load plugins but make no call: present, empty.
inline std::span<const deputyd::extension> empty_services()
{
    static constexpr deputy_caller_v1 caller{};
    static constexpr deputy_effect_v1 effect{};
    static constexpr deputyd::extension all[] = {{DEPUTY_EXT_CALLER_1, &caller},
                                                 {DEPUTY_EXT_EFFECT_1, &effect}};
    return all;
}

} // namespace deputy_test
