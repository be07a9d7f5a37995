// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <algorithm>
#include <numeric>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

constexpr std::string_view gap = "  ";
constexpr std::string_view omission = "...";
constexpr std::size_t least_width = 12; ///< a short container id

bool continues_character(char c) noexcept
{
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Takes away from columns of text until a line has that width, or no column can be shorter.
void narrow(std::vector<std::size_t> &widths, std::string_view alignment, std::size_t width)
{
    std::size_t all = std::accumulate(widths.begin(), widths.end(), gap.size() * (widths.size() - 1));
    while (all > width) {
        std::size_t widest = widths.size();
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const bool can_be_shorter = alignment[i] == 'l' && widths[i] > least_width;
            if (can_be_shorter && (widest == widths.size() || widths[i] > widths[widest])) {
                widest = i;
            }
        }
        if (widest == widths.size()) {
            return;
        }
        --widths[widest];
        --all;
    }
}

std::string shortened(const std::string &text, std::size_t width)
{
    return columns_of(text) <= width
               ? text
               : std::string(first_columns(text, width - omission.size())).append(omission);
}

} // namespace

std::size_t columns_of(std::string_view text) noexcept
{
    return text.size() -
           static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string_view first_columns(std::string_view text, std::size_t most) noexcept
{
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        if (!continues_character(text[end]) && most-- == 0) {
            break;
        }
    }
    return text.substr(0, end);
}

std::string table_text(std::string_view alignment, const std::vector<std::vector<std::string>> &rows,
                       std::size_t width)
{
    std::vector<std::vector<std::string>> cells;
    std::vector<std::size_t> widths(alignment.size());
    for (const auto &row : rows) {
        auto &line = cells.emplace_back();
        for (std::size_t i = 0; i < alignment.size(); ++i) {
            line.push_back(i < row.size() ? escaped(row[i]) : std::string());
            widths[i] = std::max(widths[i], columns_of(line[i]));
        }
    }
    if (width != 0) {
        narrow(widths, alignment, width);
    }
    std::string text;
    for (const auto &line : cells) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string cell = shortened(line[i], widths[i]);
            const std::string blanks(widths[i] - columns_of(cell), ' ');
            text.append(alignment[i] == 'r' ? blanks + cell : cell + blanks);
            text += i + 1 < line.size() ? gap : "";
        }
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

} // namespace deputyd
