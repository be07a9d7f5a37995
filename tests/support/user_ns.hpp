// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "support/caller_tree.hpp"

namespace deputy_test
{

/// Host's name of id 0 in the user namespaces of tests, and how many follow.
constexpr unsigned first_mapped = 100'000;
constexpr unsigned mapped_count = 65'536;

/// The calling process, root with one thread, enters a user namespace and a mount namespace of its own and is
/// root there. Its supplementary groups stay.
inline void enter_user_ns()
{
    int ready[2];
    need(::pipe(ready) == 0);
    const pid_t self = ::getpid();
    const pid_t writer = ::fork();
    if (writer == 0) { // stays outside, where it may write the maps
        char go = 0;
        need(::read(ready[0], &go, 1) == 1);
        for (const char *map : {"uid_map", "gid_map"}) {
            const std::string file = "/proc/" + std::to_string(self) + "/" + map;
            const std::string line =
                "0 " + std::to_string(first_mapped) + " " + std::to_string(mapped_count) + "\n";
            const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
            need(::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
        }
        ::_exit(0);
    }
    need(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && ::write(ready[1], "", 1) == 1);
    int status = 0;
    need(::waitpid(writer, &status, 0) == writer && status == 0);
    need(::setresgid(0, 0, 0) == 0 && ::setresuid(0, 0, 0) == 0);
    ::close(ready[0]);
    ::close(ready[1]);
}

} // namespace deputy_test
