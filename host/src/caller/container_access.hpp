// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "caller/access_helper.hpp"
#include "caller/call.hpp"
#include "caller/id_map.hpp"

namespace deputyd
{

/// What the host knows of a container's own user namespace, from the first need on, and the helpers in it.
/// Only callers in that namespace are served; any thread.
class container_access
{
public:
    /// Helpers that a container may have, those too that hang.
    static constexpr unsigned helper_limit = 8;

    /// Opens a path with O_PATH as the caller, with its own capabilities, inside the user namespace.
    /// @param root its root directory.
    /// @param start where a relative path starts.
    /// @return a descriptor, a negative errno, or nothing where nobody can be the caller: the host has not
    ///         the privilege, the caller is in another namespace, has an id that is not mapped in its own or
    ///         too many groups, or too many helpers hang.
    std::optional<std::int32_t> open(deputy_call &call, int root, int start, const char *path,
                                     std::uint64_t flags);

    /// Those of the caller's effective capabilities over inodes (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
    /// CAP_FOWNER, CAP_FSETID) that count over this one: its owner and its group are mapped. 0 for callers in
    /// another namespace.
    std::uint64_t capabilities_over(deputy_call &call, int fd);

private:
    struct user_ns {
        deputy::unique_fd fd;
        std::vector<mapped_ids> uids;
        std::vector<mapped_ids> gids;
    };
    const user_ns *own_user_ns(deputy_call &call);
    std::unique_ptr<access_helper> take(const user_ns &ns);
    void give_back(std::unique_ptr<access_helper> helper);

    std::mutex mutex_;
    std::optional<user_ns> ns_; ///< once there, it stays
    std::vector<std::unique_ptr<access_helper>> idle_;
    std::shared_ptr<std::atomic<unsigned>> alive_ = std::make_shared<std::atomic<unsigned>>(0);
};

} // namespace deputyd
