// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.hpp"

namespace deputyd
{

std::string table_text(std::string_view alignment, const std::vector<std::vector<std::string>> &rows)
{
    std::vector<std::vector<std::string>> cells;
    std::vector<std::size_t> widths(alignment.size());
    for (const auto &row : rows) {
        auto &line = cells.emplace_back();
        for (std::size_t i = 0; i < alignment.size(); ++i) {
            line.push_back(i < row.size() ? escaped(row[i]) : std::string());
            widths[i] = std::max(widths[i], line[i].size());
        }
    }
    std::string text;
    for (const auto &line : cells) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            text += alignment[i] == 'r' ? fmt::format("{:>{}}", line[i], widths[i])
                                        : fmt::format("{:<{}}", line[i], widths[i]);
            text += i + 1 < line.size() ? "  " : "";
        }
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

} // namespace deputyd
