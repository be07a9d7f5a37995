// SPDX-License-Identifier: Apache-2.0
#include "launch/file_systems.hpp"

#include <stdexcept>

namespace deputyd
{

bind_option parse_bind(std::string_view text)
{
    const auto wrong = [&](const char *why) {
        return std::runtime_error("--bind " + std::string(text) + ": " + why +
                                  "; the form is SRC:DST or SRC:DST:ro");
    };
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        throw wrong("has no DST");
    }
    bind_option b{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)), false};
    if (const std::size_t second = b.target.find(':'); second != std::string::npos) {
        if (b.target.substr(second) != ":ro") {
            throw wrong("the only mode is ro");
        }
        b.target.resize(second);
        b.read_only = true;
    }
    if (b.source.empty()) {
        throw wrong("has no SRC");
    }
    if (!b.target.starts_with('/')) {
        throw wrong("DST must be an absolute path");
    }
    return b;
}

} // namespace deputyd
