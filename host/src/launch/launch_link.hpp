// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// What the starting container and its launcher tell each other.
enum class step : std::uint32_t {
    mapped,   ///< to the child: its ids are mapped
    terminal, ///< to the launcher, with the master side of the container's terminal
    ready,    ///< to the launcher: all is set up; with the listener if there is a filter
    go,       ///< to the child: the listener is served
    failed,   ///< to the launcher: the child gave up; text says why
    no_exec,  ///< to the launcher: the command could not be executed; number is the errno
};

struct message {
    step what;
    std::int32_t number = 0;
    char text[240] = {};
};

/// One end of a socket pair. The end of the child closes on exec.
class launch_link
{
public:
    static std::pair<launch_link, launch_link> make();

    /// @throw std::runtime_error.
    void send(step what, int fd = -1, std::int32_t number = 0, std::string_view text = {}) const;
    struct received {
        message m;
        deputy::unique_fd fd;
    };
    /// @return nothing if the other end is closed. @throw std::runtime_error.
    std::optional<received> receive() const;
    int fd() const noexcept { return fd_.get(); }

private:
    explicit launch_link(int fd) : fd_(fd) {}

    deputy::unique_fd fd_;
};

} // namespace deputyd
