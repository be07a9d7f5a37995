// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace deputyd
{

/// The options of "deputy plugin check".
struct plugin_check_options {
    std::vector<std::string> files;
    std::vector<std::string> only; ///< names of rules; empty: all
    std::optional<std::uint64_t> seed;
    bool list_rules = false;
    bool as_json = false;
};

/// Tries the rules and prints what became of each.
/// @return exit status: 0 no rule is broken, 1 one is, 2 a rule or file is not there.
int plugin_check(const plugin_check_options &options);

} // namespace deputyd
