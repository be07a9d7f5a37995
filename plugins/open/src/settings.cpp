// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <stdexcept>

namespace open_plugin
{
namespace
{

std::runtime_error wrong(std::uint32_t index, const std::string &why)
{
    return std::runtime_error("setting open.rules, rule " + std::to_string(index + 1) + ": " + why);
}

/// Whether a path of the container can be compared with: absolute, below /, without //, . and ..
bool is_canonical(const std::string &path)
{
    const std::string whole = path + "/";
    return path.starts_with('/') && path.find_first_not_of('/') != path.npos &&
           path.find("//") == path.npos && whole.find("/./") == whole.npos &&
           whole.find("/../") == whole.npos;
}

rule_text read_rule(const deputy::settings &from, std::uint32_t index)
{
    const std::string at = "/rules/" + std::to_string(index);
    rule_text r;
    r.path = from.string(at + "/path");
    if (!is_canonical(r.path)) {
        throw wrong(index, "path " + r.path +
                               " cannot be compared with: write it absolute, below /, without " +
                               "//, . and ..");
    }
    r.prefix = r.path.ends_with('/');
    if (r.prefix) {
        r.path.pop_back();
    }
    r.to = from.has(at + "/to") ? from.string(at + "/to") : r.path;
    if (!r.to.starts_with('/')) {
        throw wrong(index, "to " + r.to + " must be an absolute path of the host");
    }
    r.writable = from.string(at + "/access") == "rw";
    r.refuse_path = from.has(at + "/o_path") && from.string(at + "/o_path") == "refuse";
    return r;
}

} // namespace

std::vector<rule_text> read_rules(const deputy::settings &from)
{
    std::vector<rule_text> all;
    const std::uint32_t count = from.has("/rules") ? from.count("/rules") : 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        all.push_back(read_rule(from, i));
    }
    return all;
}

} // namespace open_plugin
