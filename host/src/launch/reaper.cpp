// SPDX-License-Identifier: Apache-2.0
#include "launch/reaper.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <vector>

#include "launch/fail.hpp"

namespace deputyd
{
namespace
{

/// Closes all descriptors but these.
void close_others(std::vector<int> keep)
{
    std::sort(keep.begin(), keep.end());
    unsigned next = 0;
    for (const int fd : keep) {
        if (static_cast<unsigned>(fd) > next) {
            close_range(next, static_cast<unsigned>(fd) - 1, 0);
        }
        next = static_cast<unsigned>(fd) + 1;
    }
    close_range(next, ~0U, 0);
}

[[noreturn]] void watch(int end, int parent_cgroup, const char *name, int ids)
{
    prctl(PR_SET_NAME, "deputy-reaper");
    setsid(); // what a terminal or shell sends to our group must not end it
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    if (chdir("/") != 0) {
        _exit(1);
    }
    close_others({end, parent_cgroup, ids});
    char byte = 0;
    while (read(end, &byte, 1) < 0 && errno == EINTR) {
    }
    while (!remove_cgroup(parent_cgroup, name)) {
        // A task hangs in the kernel, as on a dead network file system: it goes when that lets it.
        poll(nullptr, 0, 1000);
    }
    _exit(0);
}

} // namespace

reaper::reaper(const cgroup &group, const id_range &ids)
{
    int ends[2];
    must(pipe2(ends, O_CLOEXEC), "make a pipe");
    const deputy::unique_fd theirs(ends[0]);
    alive_.reset(ends[1]);
    pid_ = must(fork(), "start the reaper");
    if (pid_ == 0) {
        watch(ends[0], group.parent(), group.name().c_str(), ids.lock());
    }
}

reaper::~reaper()
{
    alive_.reset();
    const deputy::unique_fd ended(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    pollfd readable{ended.get(), POLLIN, 0};
    constexpr int patience = 2000; // milliseconds; where a task hangs in the kernel it goes on without us
    if (poll(&readable, 1, patience) == 1) {
        waitpid(pid_, nullptr, 0);
    }
}

} // namespace deputyd
