// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deputyd
{

/// --bind SRC:DST[:ro]
struct bind_option {
    std::string source;
    std::string target; ///< absolute, in the container
    bool read_only;
};

/// @throw std::runtime_error if text is not of that form.
bind_option parse_bind(std::string_view text);

/// What the container sees of the host's files.
struct file_systems {
    std::optional<std::string> rootfs; ///< without it the host's own tree, read-only
    std::vector<bind_option> binds;
    bool host_network = false; ///< then it has no right to a sysfs of its own
};

} // namespace deputyd
