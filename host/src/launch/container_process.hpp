// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include <deputy/plugin.hpp>

#include "launch/cgroup.hpp"
#include "launch/child.hpp"
#include "launch/file_systems.hpp"
#include "launch/launch_link.hpp"

namespace deputyd
{

/// What becomes of a signal to a task.
struct signal_state {
    bool handled; ///< it is caught or ignored
    bool blocked;
    bool pending;
};
/// @param status text of /proc/PID/status.
signal_state read_signal_state(std::string_view status, int number);

/// The container's first process: pid 1 of its pid namespace, root of its user namespace. Main thread.
class container_process
{
public:
    /// Clones it and brings it to the point where only the command remains to be executed. Call while the
    /// process has one thread.
    /// @param base host id of the container's root. @throw std::runtime_error with the step that failed.
    container_process(const file_systems &files, const cgroup &group, std::uint32_t base,
                      const child_plan &plan);
    /// Kills and reaps it if wait() has not.
    ~container_process();
    container_process(const container_process &) = delete;
    container_process &operator=(const container_process &) = delete;

    /// Lets it execute the command.
    void go() const { launcher_.send(step::go); }
    /// Sends a signal. Where its default would end the process but the kernel spares it as pid 1, it is
    /// killed.
    /// @return whether it was killed.
    bool signal(int number);
    /// Looks again at signals that were blocked when they were sent: most programs block them for moments
    /// only, as in fork(), and then the kernel drops them.
    /// @return the signal for which it was killed, or 0.
    int recheck();
    /// For poll(): milliseconds until the next recheck(), or -1.
    int recheck_after() const noexcept;
    /// Reaps it; call once it has ended (its pidfd is readable). @return exit status, or 128 + signal.
    int wait();

    int pidfd() const noexcept { return pidfd_.get(); }
    /// Where a failed execution is told: readable then, closed on success.
    const launch_link &link() const noexcept { return launcher_; }
    std::uint64_t user_ns() const noexcept { return user_ns_; }
    deputy::unique_fd take_terminal() { return std::move(terminal_); }
    deputy::unique_fd take_listener() { return std::move(listener_); }
    bool wait_killable() const noexcept { return wait_killable_; }

private:
    container_process(std::pair<launch_link, launch_link> ends, const file_systems &files,
                      const cgroup &group, std::uint32_t base, const child_plan &plan);
    void set_up();
    void end() noexcept;
    signal_state state_of(int number) const;

    pid_t pid_ = -1;
    launch_link launcher_;
    deputy::unique_fd pidfd_;
    deputy::unique_fd terminal_;
    deputy::unique_fd listener_;
    std::uint64_t user_ns_ = 0;
    bool wait_killable_ = false;
    struct doubt {
        int number;
        int checks; ///< so far
    };
    std::vector<doubt> doubts_;
};

} // namespace deputyd
