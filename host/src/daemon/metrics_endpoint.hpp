// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/event_loop.hpp"
#include "base/loopback_address.hpp"
#include "control/server.hpp"

namespace deputyd
{

/// Where the metrics are read over TCP: nowhere, or at one address of this machine. Main thread.
class metrics_endpoint
{
public:
    /// @param loop outlives this. @param text makes the metrics, on a thread of the endpoint's.
    metrics_endpoint(event_loop &loop, control_server::answer text);
    ~metrics_endpoint();
    metrics_endpoint(const metrics_endpoint &) = delete;
    metrics_endpoint &operator=(const metrics_endpoint &) = delete;

    /// What commit() puts in place; dropped without it, nothing has changed.
    struct change {
        std::optional<loopback_address> where;
        std::unique_ptr<control_server> fresh; ///< listens there already; none where nothing changes
    };
    /// @throw std::runtime_error naming the address and the reason if it cannot be listened there.
    [[nodiscard]] change prepare(const std::optional<loopback_address> &where);
    void commit(change c) noexcept;

    /// The same as both as soon as it works; the log says once that it does not: at a restart the address may
    /// be an earlier host's for a while, one that hangs in the kernel. A commit() ends the trying.
    void insist(const std::optional<loopback_address> &where);

private:
    void retire(std::unique_ptr<control_server> old) noexcept;
    void try_once(const std::optional<loopback_address> &where, bool is_first);

    event_loop &loop_;
    const control_server::answer text_;
    std::optional<loopback_address> where_;
    std::unique_ptr<control_server> server_; ///< none where nobody listens
    /// Wait for the last requests of those that are stopped, which may wait for the main thread.
    std::vector<std::thread> reapers_;
    std::optional<event_loop::timer> again_;
};

} // namespace deputyd
