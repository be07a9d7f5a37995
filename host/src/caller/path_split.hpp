// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// A path, cut before its last component as the kernel does before it makes something.
struct split_path {
    std::string directory; ///< path of the directory of the last component; never empty
    std::string_view name; ///< the last component, of any length; empty unless kind is DEPUTY_LAST_NAME
    std::uint32_t kind;    ///< DEPUTY_LAST_*
    bool trailing_slash;
};

/// What the kernel says of a path before it looks at anything else. @return 0, ENOENT (empty) or
/// ENAMETOOLONG.
int check_path(std::string_view path) noexcept;

/// Cuts a path that check_path() accepts. The directory ends with "." where it can: opening it then asks for
/// the right to search it, as a look-up of the last component does.
split_path split(std::string_view path);

/// Whether a name is one component, and neither "." nor "..".
bool is_component(std::string_view name) noexcept;

} // namespace deputyd
