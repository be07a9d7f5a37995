// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

#include <deputy/plugin.hpp>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_PROCESS_1.
extern const deputy_process_v1 process_table;

/// Processes whose end plugins want to hear of. One thread waits for all of them, from the first on.
class process_watch
{
public:
    /// Of a container, at once.
    static constexpr std::size_t limit = 4096;

    process_watch() = default;
    ~process_watch(); ///< tells of no process any more
    process_watch(const process_watch &) = delete;
    process_watch &operator=(const process_watch &) = delete;

    /// Any thread.
    /// @param process its pidfd.
    /// @return an id, the same for a process that is watched for the plugin already, or EAGAIN.
    /// @throw std::system_error, std::bad_alloc if there is no room for a descriptor or the thread.
    deputy::result<std::uint64_t> add(loaded_plugin &plugin, std::uint64_t container, std::uint32_t tgid,
                                      deputy::unique_fd process);

private:
    struct watched {
        loaded_plugin *plugin;
        std::uint64_t container;
        std::uint32_t tgid;
        deputy::unique_fd process;
    };
    void start();
    void run();
    void tell(std::uint64_t id);

    std::mutex mutex_;
    std::map<std::uint64_t, watched> all_;
    std::uint64_t next_ = 1;
    deputy::unique_fd epoll_;
    deputy::unique_fd stop_; ///< eventfd, key 0
    std::thread thread_;
};

} // namespace deputyd
