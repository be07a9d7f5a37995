// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// A host process, as its keeper has it. The destructor kills it and does not wait.
class host_child
{
public:
    /// Starts program, which is replaced by this process's own file if it cannot be executed.
    /// @param arguments after its name; the socket's number comes last.
    /// @throw std::system_error.
    host_child(const std::string &program, const std::vector<std::string> &arguments);
    ~host_child();
    host_child(const host_child &) = delete;
    host_child &operator=(const host_child &) = delete;

    pid_t pid() const { return pid_; }
    /// Polls readable when it has ended, all its threads.
    int pidfd() const { return pidfd_.get(); }
    /// Our end of the socket between us.
    int socket() const { return socket_.get(); }

    void kill() const noexcept;
    /// Whether its main thread has ended. Others may hang in the kernel for ever: then pidfd() stays silent.
    bool main_ended() const;
    /// Waits until it has ended, all its threads, at most for the time.
    /// @return its wait status, or nothing.
    std::optional<int> wait(std::chrono::milliseconds at_most);

private:
    pid_t pid_ = -1;
    bool reaped_ = false;
    deputy::unique_fd pidfd_;
    deputy::unique_fd socket_;
};

/// "signal 9 (Killed)" or "status 1".
std::string describe_status(int wait_status);

} // namespace deputyd
