// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "check/rule.hpp"

namespace deputyd::check
{

/// What became of one rule.
struct finding {
    enum class status { passed, failed, skipped };

    const rule *of;
    status how;
    std::string reason; ///< with the remedy, for failed and skipped
    std::string output; ///< the last lines that the plugin or the host wrote
};

/// Tries rules on a plugin, each in a process of its own, in order. After a gate that fails the others are
/// skipped. Main thread, with no other running.
std::vector<finding> try_rules(const subject &s, std::span<const rule *const> chosen);

} // namespace deputyd::check
