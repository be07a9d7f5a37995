// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sys/stat.h>
#include <system_error>

namespace mknod_plugin
{
namespace
{

constexpr std::uint32_t highest_major = (1U << 12) - 1;
constexpr std::uint32_t highest_minor = (1U << 20) - 1;

[[noreturn]] void refuse(std::string_view rule, const std::string &why)
{
    throw std::system_error(EINVAL, std::system_category(),
                            "setting devices: \"" + std::string(rule) + "\": " + why);
}

/// Takes a number off the front of rest.
std::uint32_t number(std::string_view rule, std::string_view &rest, const char *what, std::uint32_t highest)
{
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
    if (error == std::errc::invalid_argument) {
        refuse(rule, std::string("no ") + what +
                         " number: write for example \"c 1:3\", \"b 7:*\" or \"c 10:200-210\"");
    }
    if (error != std::errc{} || n > highest) {
        refuse(rule, std::string("a ") + what + " number is at most " + std::to_string(highest));
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return n;
}

/// Takes this text off the front of rest. @return whether it was there.
bool take(std::string_view &rest, std::string_view text)
{
    if (rest.substr(0, text.size()) != text) {
        return false;
    }
    rest.remove_prefix(text.size());
    return true;
}

} // namespace

device decode(std::uint32_t mode, std::uint32_t number)
{
    return {(mode & S_IFMT) == S_IFBLK, (number & 0xfff00) >> 8,
            (number & 0xff) | ((number >> 12) & 0xfff00)};
}

device_list::device_list(const std::vector<std::string> &rules)
{
    for (const std::string &text : rules) {
        rules_.push_back(parse(text));
    }
}

device_list::rule device_list::parse(std::string_view text)
{
    std::string_view rest = text;
    const bool block = take(rest, "b ");
    if (!block && !take(rest, "c ")) {
        refuse(text, "a device begins with \"c \" (character) or \"b \" (block)");
    }
    rule r{block, number(text, rest, "major", highest_major), 0, highest_minor};
    if (!take(rest, ":")) {
        refuse(text, "a colon and a minor number, a range of them or * follow the major number");
    }
    if (!take(rest, "*")) {
        r.first_minor = r.last_minor = number(text, rest, "minor", highest_minor);
        if (take(rest, "-")) {
            r.last_minor = number(text, rest, "minor", highest_minor);
        }
    }
    if (!rest.empty()) {
        refuse(text, "\"" + std::string(rest) + "\" is too much");
    }
    if (r.last_minor < r.first_minor) {
        refuse(text, "the range ends before it begins");
    }
    return r;
}

bool device_list::contains(const device &d) const
{
    return std::any_of(rules_.begin(), rules_.end(), [&](const rule &r) {
        return r.block == d.block && r.major == d.major && r.first_minor <= d.minor &&
               d.minor <= r.last_minor;
    });
}

} // namespace mknod_plugin
