// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace deputyd
{

/// Rows as lines with aligned columns, two spaces between them; control characters are escaped.
/// @param alignment a letter a column: l or r.
/// @param width of a line in characters, 0 for any. Where lines are longer, columns of l are shortened, the
///        widest first, to no less than 12; what still does not fit is left.
std::string table_text(std::string_view alignment, const std::vector<std::vector<std::string>> &rows,
                       std::size_t width = 0);

/// How many characters a text of UTF-8 has; each is taken to be as wide as the others.
std::size_t columns_of(std::string_view text) noexcept;
/// Its first characters, at most that many.
std::string_view first_columns(std::string_view text, std::size_t most) noexcept;

} // namespace deputyd
