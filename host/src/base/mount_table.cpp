// SPDX-License-Identifier: Apache-2.0
#include "base/mount_table.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <span>
#include <sstream>

namespace deputyd
{
namespace
{

/// The kernel writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
        if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
            out +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string_view> words(std::string_view line)
{
    std::vector<std::string_view> found;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(' '), line.size());
        if (end > 0) {
            found.push_back(line.substr(0, end));
        }
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return found;
}

/// The number that a word ends with, after a key; 0 if it has another form.
unsigned number_in(std::string_view word, std::string_view key)
{
    unsigned number = 0;
    if (word.starts_with(key)) {
        std::from_chars(word.data() + key.size(), word.data() + word.size(), number);
    }
    return number;
}

mount_entry entry_of(std::span<const std::string_view> fields, std::string_view type)
{
    mount_entry e{
        unescape(fields[3]), unescape(fields[4]), std::string(type), number_in(fields[0], ""), 0, 0};
    for (const std::string_view optional : fields.subspan(6)) {
        e.peers = std::max(e.peers, number_in(optional, "shared:"));
        e.master = std::max(e.master, number_in(optional, "master:"));
    }
    return e;
}

} // namespace

std::vector<mount_entry> parse_mount_table(std::string_view text)
{
    std::vector<mount_entry> entries;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const auto fields = words(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        // id parent device root point options [optional]... - type source options
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (dash - fields.begin() >= 6 && fields.end() - dash >= 2) {
            entries.push_back(entry_of({fields.begin(), dash}, dash[1]));
        }
    }
    return entries;
}

std::vector<mount_entry> mount_table()
{
    std::ifstream in("/proc/thread-self/mountinfo");
    std::ostringstream text;
    text << in.rdbuf();
    return parse_mount_table(text.str());
}

std::string cgroup2_path(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with("0::")) {
            return std::string(line.substr(3));
        }
    }
    return {};
}

} // namespace deputyd
