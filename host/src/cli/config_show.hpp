// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/config_check.hpp"

namespace deputyd
{

/// Prints every value of the configuration that counts, with where it is written: what policies inherit and
/// defaults too.
/// @param policy this one alone; "": everything.
/// @return exit status. @throw std::runtime_error with what is wrong first.
int config_show(const config_check_options &options, const std::string &policy, bool as_json);

} // namespace deputyd
