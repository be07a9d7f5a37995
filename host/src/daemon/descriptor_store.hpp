// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <deputy/plugin.hpp>

#include "daemon/service_manager.hpp"

namespace deputyd
{

/// What the keeper keeps: descriptors by name. It does not know what they are. systemd, where it is there,
/// has a copy of each, for a keeper that is restarted.
class descriptor_store
{
public:
    using descriptors = std::vector<deputy::unique_fd>;

    static constexpr std::size_t entry_limit = 16384;

    /// @param manager outlives this.
    explicit descriptor_store(const service_manager &manager) : manager_(manager) {}

    /// Takes what systemd passed at start: what an earlier keeper stored, under its name, and each socket of
    /// a socket unit, under "activation-N".
    void take_back(std::vector<std::pair<std::string, deputy::unique_fd>> passed);

    /// @return EINVAL for a name or number of descriptors that cannot be, ENOSPC if there is no room.
    deputy::result<void> put(const std::string &name, descriptors fds);
    void remove(const std::string &name);

    const std::map<std::string, descriptors> &entries() const { return entries_; }
    /// How many entries systemd does not pass anyway.
    std::size_t stored() const;

private:
    const service_manager &manager_;
    std::map<std::string, descriptors> entries_;
};

} // namespace deputyd
