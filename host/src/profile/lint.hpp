// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "profile/resolve.hpp"
#include "profile/runtime.hpp"

namespace deputyd::profile
{

/// A trap in a profile.
struct finding {
    std::string check;  ///< which of the checks: "shadowed-rule", ...
    std::string where;  ///< a system call, a key, or a line
    std::string reason; ///< what happens, and what to do
};

/// Looks for the known traps in a profile: runtime-spec's, docker's or podman's in JSON, a whole config.json,
/// or LXC's text. Whatever the bytes are, it answers: what cannot be read is a finding.
/// @param r judges by this runtime alone; without it by all.
std::vector<finding> lint(const std::string &text, const circumstances &c, const std::optional<runtime> &r);

} // namespace deputyd::profile
