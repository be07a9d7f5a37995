// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "request.hpp"
#include "rule.hpp"

namespace open_plugin
{

/// A rule that fits, and where below it.
struct match {
    const rule *by;
    std::string rest; ///< what follows the rule's path: for a single file the slashes after it
    bool from_within; ///< the path starts in the rule's directory, and does not enter it
};

/// The rules of a container, in the order of the settings.
using rules = std::vector<rule>;

/// Whether a rule may fit, by the path's text alone; false is certain. No system call.
bool may_match(const rules &all, const std::string &path);

/// The first rule that fits, or none. The directory before the component that bears the rule's name is
/// resolved as the caller: symbolic links, dot-dot, relative to its directories and in its root.
/// What cannot be resolved fits no rule; the kernel then says why.
std::optional<match> find_rule(deputy::call &call, const rules &all, const open_request &request);

} // namespace open_plugin
