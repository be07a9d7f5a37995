// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace deputyd
{

/// A hint for an unknown name: "; did you mean X?" with the candidate of the least edit distance, if one is
/// near enough, else "".
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

/// The same with all candidates after it: "; did you mean X? LEAD: X, Y", or ". LEAD: X, Y".
std::string nearest_of(std::string_view name, std::span<const std::string> candidates, std::string_view lead);

} // namespace deputyd
