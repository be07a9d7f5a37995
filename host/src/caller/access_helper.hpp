// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include <sys/types.h>

#include <deputy/plugin.hpp>

#include "caller/access_protocol.hpp"

namespace deputyd
{

/// A process that opens paths inside a user namespace; see access_main.cpp. One request at a time.
///
/// The file systems of a container may let it hang, even past SIGKILL. So nobody waits for its end: it is
/// killed and left behind, and collected by whoever starts or ends another.
class access_helper
{
public:
    /// @param user_ns descriptor of the namespace.
    /// @param alive counts the process until it has been collected.
    /// @param limit of alive.
    /// @return nullptr if there are as many, or it cannot be started.
    static std::unique_ptr<access_helper> start(int user_ns, std::shared_ptr<std::atomic<unsigned>> alive,
                                                unsigned limit);
    ~access_helper();
    access_helper(const access_helper &) = delete;
    access_helper &operator=(const access_helper &) = delete;

    struct answer {
        std::int32_t result; ///< 0 or a negative errno: the kernel's, or of give_up, or -EIO (it died)
        bool became;         ///< it was the caller, and result is the kernel's or give_up's
        deputy::unique_fd fd;
    };
    /// @param request its counts are filled in here.
    /// @param directories as the protocol says.
    /// @param give_up asked now and then while there is no answer: 0, or a negative errno to end with.
    answer open(access_request request, std::span<const std::uint32_t> groups, const char *path,
                std::span<const int, 3> directories, const std::function<std::int32_t()> &give_up);
    /// Whether it waits for the next request.
    [[nodiscard]] bool is_ready() const noexcept { return ready_; }

private:
    access_helper(deputy::unique_fd socket, pid_t pid, std::shared_ptr<std::atomic<unsigned>> alive) noexcept
        : socket_(std::move(socket)), pid_(pid), alive_(std::move(alive))
    {
    }
    std::int32_t wait(const std::function<std::int32_t()> &give_up) const;

    deputy::unique_fd socket_;
    pid_t pid_;
    std::shared_ptr<std::atomic<unsigned>> alive_;
    bool ready_ = true;
    bool has_answered_ = false;
};

} // namespace deputyd
