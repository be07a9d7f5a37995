// SPDX-License-Identifier: Apache-2.0
#include "base/metadata_word.hpp"

namespace deputyd
{

std::string metadata_word(std::string_view text, std::string_view key)
{
    static constexpr std::string_view separators = " ,;\t\n";
    while (!text.empty()) {
        const std::size_t end = text.find_first_of(separators);
        const std::string_view item = text.substr(0, end);
        if (item.size() > key.size() && item.starts_with(key) && item[key.size()] == '=') {
            return std::string(item.substr(key.size() + 1));
        }
        if (end == text.npos) {
            break;
        }
        text.remove_prefix(end + 1);
    }
    return "";
}

} // namespace deputyd
