// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace deputyd
{

/// JSON whose strings came from elsewhere, such as paths: bytes that are no UTF-8 are replaced.
/// @param indent of a level, in blanks; -1: one line.
std::string json_text(const nlohmann::json &value, int indent = -1);

} // namespace deputyd
