// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <termios.h>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Relays between the terminal that deputy was started in and one of the container's own: the container never
/// gets a descriptor of ours, through which it could read what is typed later or type itself.
class terminal
{
public:
    terminal();
    /// Restores our terminal's modes.
    ~terminal();
    terminal(const terminal &) = delete;
    terminal &operator=(const terminal &) = delete;

    /// Size of our terminal, if any standard stream is one.
    std::optional<winsize> size() const;
    bool is_stream(int stream) const noexcept { return streams_[stream]; }

    /// Starts to relay.
    /// @param master side of the container's terminal.
    void connect(deputy::unique_fd master);
    /// Makes our terminal raw and reads it, if it is the standard input and we are in its foreground; for
    /// when that may have changed.
    void take_keyboard();
    void resize() const;

    /// For poll(): -1 where there is nothing to wait for.
    int master() const noexcept { return master_.get(); }
    short master_events() const noexcept
    {
        return static_cast<short>(POLLIN | (typed_.empty() ? 0 : POLLOUT));
    }
    int keyboard() const noexcept { return reading_ && typed_.empty() ? 0 : -1; }
    void from_container(); ///< the master is readable or writable or hung up
    void from_keyboard();  ///< the keyboard is readable
    void drain();          ///< the container has ended: copies what it left

private:
    bool copy_output();

    bool streams_[3];
    int ours_ = -1;        ///< the standard stream that is our terminal, to write to
    bool reading_ = false; ///< it is the standard input too
    std::optional<termios> modes_;
    deputy::unique_fd master_;
    deputy::unique_fd kept_open_; ///< the other side: a container that closes its last one may open it again
    std::string typed_;           ///< not yet taken by the container
};

} // namespace deputyd
