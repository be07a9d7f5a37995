// SPDX-License-Identifier: Apache-2.0
#include "caller/path_split.hpp"

#include <cerrno>
#include <climits>

namespace deputyd
{

int check_path(std::string_view path) noexcept
{
    if (path.empty()) {
        return ENOENT;
    }
    return path.size() >= PATH_MAX ? ENAMETOOLONG : 0;
}

split_path split(std::string_view path)
{
    const auto end = path.find_last_not_of('/');
    if (end == std::string_view::npos) {
        return {"/", {}, DEPUTY_LAST_ROOT, true};
    }
    const auto slash = path.find_last_of('/', end);
    const auto start = slash == std::string_view::npos ? 0 : slash + 1;
    const auto last = path.substr(start, end + 1 - start);
    split_path parts{std::string(path.substr(0, start)) + ".", {}, DEPUTY_LAST_NAME, end + 1 < path.size()};
    if (last == ".") {
        parts.kind = DEPUTY_LAST_DOT;
    } else if (last == "..") {
        parts.kind = DEPUTY_LAST_DOT_DOT;
    } else {
        parts.name = last;
    }
    return parts;
}

bool is_component(std::string_view name) noexcept
{
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

} // namespace deputyd
