// SPDX-License-Identifier: Apache-2.0
#include "base/loopback_address.hpp"

#include <arpa/inet.h>
#include <charconv>

namespace deputyd
{
namespace
{

bool is_v4_loopback(const std::string &host)
{
    in_addr a{};
    return ::inet_pton(AF_INET, host.c_str(), &a) == 1 && (ntohl(a.s_addr) >> 24) == IN_LOOPBACKNET;
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size();
    return is_whole && port != 0 ? std::optional(port) : std::nullopt;
}

} // namespace

std::string loopback_address::text() const
{
    return (is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<loopback_address> parse_loopback(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == text.npos) {
        return std::nullopt;
    }
    const auto port = parse_port(text.substr(colon + 1));
    const std::string_view host = text.substr(0, colon);
    if (!port) {
        return std::nullopt;
    }
    if (host == "[::1]") {
        return loopback_address{"::1", *port};
    }
    // The string ends where inet_pton() takes it to end.
    const bool has_nul = host.find('\0') != host.npos;
    loopback_address v4{std::string(host), *port};
    return !has_nul && is_v4_loopback(v4.host) ? std::optional(std::move(v4)) : std::nullopt;
}

} // namespace deputyd
