// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace deputyd
{

/// What fits on a terminal; zeroes where there is none, or one that does not say.
struct terminal_size {
    std::size_t columns = 0;
    std::size_t rows = 0;
};

/// Of the terminal that fd is, now: a user may change it at any time.
terminal_size size_of_terminal(int fd) noexcept;

/// What draws text over the frame before it, in one piece and without clearing first, so that nothing
/// flickers: lines are cut where the terminal ends, and it does not scroll. The cursor is below the text
/// then.
/// @param text lines of printable UTF-8, each with its end.
std::string frame_text(const std::string &text, terminal_size size);

} // namespace deputyd
