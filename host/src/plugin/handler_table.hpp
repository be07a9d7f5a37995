// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "plugin/call_rules.hpp"
#include "plugin/loaded_plugin.hpp"

namespace deputyd
{

/// The handlers that a container's calls are led to, with what its policy says of them, found by
/// (architecture, number) without a search. Immutable once built, and copies share the handlers; any thread.
class handler_table
{
public:
    handler_table() = default;
    /// Resolves each handler's system call on every architecture that this machine can run.
    handler_table(std::vector<ruled_handler> handlers, call_limits limits);
    /// Those handlers, on, with no limits and no deadlines but the host's.
    explicit handler_table(std::span<const handler *const> enabled);

    /// In order of registration, those too that are off; empty where nothing is known of the call.
    std::span<const ruled_handler *const> find(std::uint32_t arch, std::int32_t nr) const noexcept;
    /// Every handler.
    std::span<const ruled_handler> all() const noexcept;
    const call_limits &limits() const noexcept { return limits_; }

private:
    struct architecture {
        std::uint32_t audit_arch = 0;
        std::vector<std::vector<const ruled_handler *>> by_number;
    };
    std::shared_ptr<const std::vector<ruled_handler>> handlers_;
    std::vector<architecture> architectures_;
    call_limits limits_;
};

/// The handlers of a table that are on, for the filter that leads calls here.
std::vector<const handler *> handlers_on(const handler_table &table);

} // namespace deputyd
