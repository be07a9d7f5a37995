// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace deputyd
{

/// The value of "KEY=VALUE" among words separated by blanks, commas or semicolons, as in listenerMetadata and
/// LXC's cookie; the first one's; "" if there is none.
std::string metadata_word(std::string_view text, std::string_view key);

} // namespace deputyd
