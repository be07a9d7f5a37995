// SPDX-License-Identifier: Apache-2.0
#include "launch/terminal.hpp"

#include <cerrno>
#include <unistd.h>

#include "launch/fail.hpp"

namespace deputyd
{

terminal::terminal()
{
    for (const int stream : {0, 2, 1}) { // in the end the first of output, errors, input
        streams_[stream] = isatty(stream) == 1;
        if (streams_[stream]) {
            ours_ = stream;
        }
    }
}

terminal::~terminal()
{
    if (modes_) {
        tcsetattr(0, TCSADRAIN, &*modes_);
    }
}

std::optional<winsize> terminal::size() const
{
    winsize size{};
    if (ours_ < 0 || ioctl(ours_, TIOCGWINSZ, &size) != 0) {
        return std::nullopt;
    }
    return size;
}

void terminal::connect(deputy::unique_fd master)
{
    if (!master) {
        return;
    }
    must(fcntl(master.get(), F_SETFL, O_RDWR | O_NONBLOCK), "set up the terminal");
    master_ = std::move(master);
    kept_open_.reset(ioctl(master_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    must(kept_open_.get(), "open the container's terminal");
    take_keyboard();
}

void terminal::take_keyboard()
{
    termios raw{};
    // In the background the keyboard is another's, and touching the modes would stop us.
    if (!master_ || modes_ || !streams_[0] || tcgetpgrp(0) != getpgrp() || tcgetattr(0, &raw) != 0) {
        return;
    }
    modes_ = raw;
    cfmakeraw(&raw);
    must(tcsetattr(0, TCSADRAIN, &raw), "set the terminal's modes");
    reading_ = true;
}

void terminal::resize() const
{
    if (const auto now = size(); now && master_) {
        ioctl(master_.get(), TIOCSWINSZ, &*now); // the kernel tells the container's foreground group
    }
}

/// @return whether there may be more.
bool terminal::copy_output()
{
    char buffer[4096];
    const ssize_t n = read(master_.get(), buffer, sizeof buffer);
    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    for (ssize_t done = 0; done < n;) {
        const ssize_t m = write(ours_, buffer + done, static_cast<std::size_t>(n - done));
        if (m < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        done += m > 0 ? m : 0;
    }
    return true;
}

void terminal::from_container()
{
    if (!typed_.empty()) {
        const ssize_t n = write(master_.get(), typed_.data(), typed_.size());
        if (n > 0) {
            typed_.erase(0, static_cast<std::size_t>(n));
        }
    }
    copy_output();
}

void terminal::from_keyboard()
{
    char buffer[4096];
    const ssize_t n = read(0, buffer, sizeof buffer);
    if (n > 0) {
        typed_.assign(buffer, static_cast<std::size_t>(n));
        from_container();
    } else if (n == 0 || errno != EINTR) {
        reading_ = false;
    }
}

void terminal::drain()
{
    while (master_ && copy_output()) {
    }
    master_.reset();
}

} // namespace deputyd
