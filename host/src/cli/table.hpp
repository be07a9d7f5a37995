// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deputyd
{

/// Rows as lines with aligned columns, two spaces between them; control characters are escaped.
/// @param alignment a letter a column: l or r.
std::string table_text(std::string_view alignment, const std::vector<std::vector<std::string>> &rows);

} // namespace deputyd
