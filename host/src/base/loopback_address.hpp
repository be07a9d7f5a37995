// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace deputyd
{

/// An address of this machine that no other reaches, with a TCP port.
struct loopback_address {
    std::string host; ///< 127.x.y.z or ::1
    std::uint16_t port = 0;

    bool operator==(const loopback_address &) const = default;
    [[nodiscard]] bool is_v6() const noexcept { return host.find(':') != std::string::npos; }
    /// HOST:PORT, with brackets around the host for IPv6.
    [[nodiscard]] std::string text() const;
};

/// Reads HOST:PORT. Names are not looked up. @return nothing if it is no loopback address with a port.
std::optional<loopback_address> parse_loopback(std::string_view text);

} // namespace deputyd
