// SPDX-License-Identifier: Apache-2.0
#include "launch/id_range.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "launch/fail.hpp"

namespace deputyd
{
namespace
{

// Above what useradd and systemd hand out, below 2^31, which some programs take for negative.
constexpr std::uint32_t first_base = 0x60000000;
constexpr std::uint32_t range_count = 0x2000;

/// Calls each with the fields of every line that has at least three.
template <class Each> void for_each_line(std::string_view text, Each each)
{
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        std::vector<std::string_view> fields;
        for (;;) {
            const std::size_t colon = line.find(':');
            fields.push_back(line.substr(0, colon));
            if (colon == std::string_view::npos) {
                break;
            }
            line.remove_prefix(colon + 1);
        }
        if (fields.size() >= 3) {
            each(fields);
        }
    }
}

bool number(std::string_view text, std::uint64_t &out)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string contents(const char *file)
{
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<id_span> spans_in_use()
{
    std::vector<id_span> all;
    const auto add = [&](const std::vector<id_span> &some) {
        all.insert(all.end(), some.begin(), some.end());
    };
    add(subordinate_ids(contents("/etc/subuid")));
    add(subordinate_ids(contents("/etc/subgid")));
    add(account_ids(contents("/etc/passwd")));
    add(account_ids(contents("/etc/group")));
    return all;
}

/// @return whether the name was free and is now held by the socket.
bool take_name(int socket, std::uint32_t base)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "deputy/ids/" + std::to_string(base); // abstract: after a NUL
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (bind(socket, reinterpret_cast<const sockaddr *>(&address), size) == 0) {
        return true;
    }
    if (errno != EADDRINUSE) {
        fail("reserve a range of user ids");
    }
    return false;
}

} // namespace

std::vector<id_span> subordinate_ids(std::string_view text)
{
    std::vector<id_span> spans;
    for_each_line(text, [&](const std::vector<std::string_view> &fields) {
        id_span s{};
        if (number(fields[1], s.first) && number(fields[2], s.count)) {
            spans.push_back(s);
        }
    });
    return spans;
}

std::vector<id_span> account_ids(std::string_view text)
{
    std::vector<id_span> spans;
    for_each_line(text, [&](const std::vector<std::string_view> &fields) {
        id_span s{0, 1};
        if (number(fields[2], s.first)) {
            spans.push_back(s);
        }
    });
    return spans;
}

bool overlap(const id_span &a, const id_span &b) noexcept
{
    return a.first < b.first + b.count && b.first < a.first + a.count;
}

id_range::id_range()
{
    const std::vector<id_span> used = spans_in_use();
    lock_.reset(must(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "make a socket"));
    // Where runs begin their search differs, so that runs of two network namespaces seldom meet.
    const auto start = static_cast<std::uint32_t>(getpid()) * 2654435761U;
    for (std::uint32_t i = 0; i < range_count; ++i) {
        const std::uint32_t base = first_base + (start + i) % range_count * size;
        const bool in_use = std::any_of(used.begin(), used.end(), [&](const id_span &s) {
            return overlap(s, {base, size});
        });
        if (!in_use && take_name(lock_.get(), base)) {
            base_ = base;
            return;
        }
    }
    throw std::runtime_error("no range of 65536 user ids is free: end some other runs of deputy");
}

} // namespace deputyd
