// SPDX-License-Identifier: Apache-2.0
#include "caller/denied_calls.hpp"

#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "base/syscall_name.hpp"

namespace deputyd
{
namespace
{

/// Longer than every name; of what is longer not much is repeated in a message.
constexpr std::size_t longest_name = 64;

[[noreturn]] void wrong(std::string_view item, const char *reason)
{
    throw std::runtime_error(
        fmt::format("the word denied of its metadata is wrong: \"{}\" {}; \"deputy profile "
                    "--audit-denied\" writes it",
                    escaped(item.substr(0, longest_name)), reason));
}

int parse_errno(std::string_view text)
{
    int number = 0;
    const char *const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number);
    if (failed != std::errc{} || rest != end) {
        number = text.size() <= longest_name ? errno_by_name(std::string(text)) : 0;
    }
    if (!is_errno(number)) {
        wrong(text, "is no errno that a system call can fail with");
    }
    return number;
}

} // namespace

int denied_calls::error_of(std::string_view syscall) const noexcept
{
    const auto found = others.find(syscall);
    return found == others.end() ? fallback : found->second;
}

std::string denied_calls::word() const
{
    std::string text = errno_name(fallback);
    for (const auto &[syscall, error] : others) {
        text += "/" + syscall;
        if (error != 0) {
            text += ":" + errno_name(error);
        }
    }
    return text;
}

denied_calls parse_denied(std::string_view word)
{
    denied_calls all;
    std::size_t end = word.find('/');
    all.fallback = parse_errno(word.substr(0, end));
    while (end != word.npos) {
        word.remove_prefix(end + 1);
        end = word.find('/');
        const std::string_view item = word.substr(0, end);
        const std::size_t colon = item.find(':');
        const std::string_view syscall = item.substr(0, colon);
        // A name with a NUL would be known as what is before it.
        if (syscall.size() > longest_name || syscall.find('\0') != syscall.npos ||
            !is_syscall(std::string(syscall))) {
            wrong(syscall, "is no system call that is known here");
        }
        const int error = colon == item.npos ? 0 : parse_errno(item.substr(colon + 1));
        if (!all.others.emplace(syscall, error).second) {
            wrong(syscall, "is there twice");
        }
    }
    return all;
}

} // namespace deputyd
