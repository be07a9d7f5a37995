// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "daemon/descriptor_store.hpp"
#include "daemon/host_child.hpp"
#include "daemon/keeper_protocol.hpp"
#include "daemon/service_manager.hpp"

namespace deputyd
{

/// The daemon's main process. It holds every descriptor that must outlive the host, starts the host and
/// starts another when that ends, whatever the reason. It reads nothing that a container or a peer sent, and
/// no configuration. One thread.
class keeper
{
public:
    /// @param host_arguments for the host; the number of its socket to us is added.
    /// Takes over systemd's part of the environment and the signals TERM, INT, HUP and USR1.
    explicit keeper(std::vector<std::string> host_arguments);
    ~keeper();
    keeper(const keeper &) = delete;
    keeper &operator=(const keeper &) = delete;

    /// Runs until SIGTERM or SIGINT. @return exit status: 1 if the first host could not start.
    int run();

private:
    enum class intent {
        serve,   ///< a host that ends is replaced
        replace, ///< this one is to end, and then replaced at once
        stop,    ///< this one is to end, and then we do
    };
    using clock = std::chrono::steady_clock;

    void start_host();
    void try_start_host();
    void hand_over();
    void watch_host();
    void read_host();
    void take(message m);
    bool tell(message_kind kind);
    void drain(intent then);
    void host_over();
    void restart();
    void fence();
    void tick();
    void look_after_host();
    void signalled();
    void reload();
    void host_ready();

    service_manager manager_;
    descriptor_store store_;
    const std::vector<std::string> arguments_;
    const std::string program_; ///< by its path, so that an upgrade's new file is found
    event_loop loop_;
    deputy::unique_fd signals_;

    std::unique_ptr<host_child> host_;
    std::vector<std::unique_ptr<host_child>> left_behind_; ///< killed; threads of theirs hang in the kernel
    intent intent_ = intent::serve;
    bool ready_ = false;      ///< this host
    bool ever_ready_ = false; ///< any host
    bool reload_when_ready_ = false;
    clock::time_point started_;
    clock::time_point heard_;                               ///< of this host
    clock::time_point deadline_ = clock::time_point::max(); ///< until which a draining host is waited for
    clock::time_point watchdog_told_;
    std::chrono::milliseconds delay_{0}; ///< before the next start
    int status_ = 0;
};

} // namespace deputyd
