// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <algorithm>
#include <string_view>
#include <sys/ioctl.h>

#include "cli/table.hpp"

namespace deputyd
{

terminal_size size_of_terminal(int fd) noexcept
{
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? terminal_size{size.ws_col, size.ws_row} : terminal_size{};
}

std::string frame_text(const std::string &text, terminal_size size)
{
    constexpr const char *home = "\x1b[H", *clear_line = "\x1b[K", *clear_below = "\x1b[J";
    std::string frame = home;
    std::size_t lines = 0;
    for (std::string_view rest = text; !rest.empty(); ++lines) {
        if (size.rows != 0 && lines + 1 >= size.rows) { // the last is for the cursor
            break;
        }
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        frame += clear_line; // before the text: behind a full line it would take the last character
        frame += size.columns == 0 ? line : first_columns(line, size.columns);
        frame += '\n';
    }
    return frame + clear_below;
}

} // namespace deputyd
