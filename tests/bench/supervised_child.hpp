// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <sys/types.h>

#include <deputy/plugin.hpp>

namespace deputy_bench
{

/// What a supervised child repeats.
enum class work : std::uint32_t {
    getppid,     ///< getppid()
    load_11,     ///< bpf(BPF_PROG_LOAD) of the program of 11 device rules, and close
    load_line,   ///< the same of 64 instructions in a straight line
    open_other,  ///< openat2() of a file that no rule names, and close
    open_file,   ///< the same of the file that a rule names
    open_device, ///< the same of the device that a rule names
    mknod,       ///< mknodat() of a null device in node_directory, and unlinkat()
};

/// What the rules of the plugin open name.
inline constexpr const char *granted_file = "/etc/passwd";
inline constexpr const char *granted_device = "/dev/zero";

/// Where nodes are made: a directory of the children's root, removed at the end.
class node_directory
{
public:
    node_directory(); ///< @throw std::system_error
    ~node_directory();
    node_directory(const node_directory &) = delete;
    node_directory &operator=(const node_directory &) = delete;
    static constexpr const char *path = "/var/tmp/deputy-bench-nodes";
};

/// A child process, root of a user namespace of its own, under a filter that notifies getppid(), bpf(),
/// openat2() and mknodat() with WAIT_KILLABLE_RECV. It works on demand and measures itself, so that nothing
/// else is in the figure.
class supervised_child
{
public:
    supervised_child(); ///< @throw std::system_error
    ~supervised_child();
    supervised_child(const supervised_child &) = delete;
    supervised_child &operator=(const supervised_child &) = delete;

    /// The listener, for the supervisor; once.
    deputy::unique_fd take_listener() { return std::move(listener_); }
    std::uint64_t user_ns() const { return user_ns_; }
    /// Time of each of count calls. @throw std::system_error if a call fails in the child.
    /// @param callers processes that share the calls; of several it is the time between two calls.
    std::chrono::duration<double> each(work w, std::uint32_t count, std::uint32_t callers = 1);

private:
    pid_t pid_ = -1;
    deputy::unique_fd control_;
    deputy::unique_fd listener_;
    std::uint64_t user_ns_ = 0;
};

/// Does w in this process, count times. @return time of each.
std::chrono::duration<double> each_natively(work w, std::uint32_t count);

} // namespace deputy_bench
