// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "daemon/keeper_link.hpp"
#include "intake/acceptor.hpp"

namespace deputyd
{

/// The sockets that listeners come through: those that an earlier host or systemd left, and those that the
/// configuration wants beyond them. Main thread.
class intake_sockets
{
public:
    /// All outlive this.
    /// @param new_name makes names for entries.
    intake_sockets(event_loop &loop, keeper_link &keeper, const arrival_sink &sink,
                   std::function<std::string(const char *what)> new_name);

    /// Takes a socket that is kept, to be used by use().
    void take(kept_entry entry);

    struct listening {
        std::string name; ///< of its entry
        bool is_ours;     ///< we made its file
        deputy::unique_fd fd;
        std::unique_ptr<acceptor> accepts; ///< none while the configuration does not have it
    };
    /// What a configuration makes of them.
    struct change {
        std::vector<socket_config> configs;
        std::vector<listening> fresh;
        /// Of sockets that are there, by their file descriptors: those that are listened on from now on.
        std::map<int, std::unique_ptr<acceptor>> opened;
        std::vector<socket_config> access_before; ///< of those whose owner and mode are new
    };

    /// Makes what a configuration needs. Nobody is accepted before the event loop runs.
    /// @throw std::runtime_error if a socket cannot be made; then nothing has changed.
    change prepare(std::vector<socket_config> configs);
    /// Gives up a change that was prepared.
    void cancel(change c) noexcept;
    /// Listens where the configuration says and nowhere else; sockets that stay keep their connections.
    void use(change c) noexcept;

private:
    void prepare_one(const socket_config &config, change &c);
    listening make(const socket_config &config);
    std::unique_ptr<acceptor> listen_on(const listening &l, const socket_config &config);
    void close_others(const std::vector<socket_config> &configs);

    event_loop &loop_;
    keeper_link &keeper_;
    const arrival_sink &sink_;
    std::function<std::string(const char *)> new_name_;
    std::vector<listening> all_;
};

} // namespace deputyd
