// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{

/// The handlers that a container's policy has on, found by (architecture, number) without a search.
/// Immutable once built; any thread.
class handler_table
{
public:
    handler_table() = default;
    /// Resolves each handler's system call on every architecture that this machine can run.
    explicit handler_table(std::span<const handler *const> enabled);

    /// In order of registration; empty where nothing is on.
    std::span<const handler *const> find(std::uint32_t arch, std::int32_t nr) const noexcept;
    /// Every handler, for the seccomp filter.
    std::span<const handler *const> all() const noexcept { return all_; }

private:
    struct architecture {
        std::uint32_t audit_arch = 0;
        std::vector<std::vector<const handler *>> by_number;
    };
    std::vector<architecture> architectures_;
    std::vector<const handler *> all_;
};

} // namespace deputyd
