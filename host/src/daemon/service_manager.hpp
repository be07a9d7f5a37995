// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// systemd, by its notification protocol (sd_notify(3)); without it everything here does nothing.
class service_manager
{
public:
    service_manager() = default;
    /// @param address of its socket; "@" in front means an abstract one.
    explicit service_manager(const std::string &address,
                             std::optional<std::chrono::microseconds> watchdog = {});
    /// From NOTIFY_SOCKET and WATCHDOG_USEC.
    static service_manager from_environment();

    bool present() const { return static_cast<bool>(socket_); }
    /// How often it wants to hear that all is well.
    std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }
    /// Sends "NAME=value" lines and descriptors. What cannot be sent is logged.
    void notify(const std::string &lines, std::span<const int> fds = {}) const noexcept;

private:
    deputy::unique_fd socket_; ///< connected
    std::optional<std::chrono::microseconds> watchdog_;
};

/// Descriptors by the name that systemd gives them, in its order (LISTEN_FDS, sd_listen_fds(3)); each is
/// O_CLOEXEC from now on.
std::vector<std::pair<std::string, deputy::unique_fd>> passed_descriptors();

/// Removes what systemd says to this process alone from the environment.
void clear_service_environment();

} // namespace deputyd
