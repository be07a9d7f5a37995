// SPDX-License-Identifier: Apache-2.0
#include "launch/user_namespace.hpp"

#include <csignal>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "launch/fail.hpp"
#include "launch/id_range.hpp"

namespace deputyd
{
namespace
{

using deputy::unique_fd;

void write_map(const std::string &file, const std::string &line)
{
    const unique_fd map(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!map || write(map.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        fail("write " + file);
    }
}

} // namespace

void write_id_maps(pid_t child, std::uint32_t base)
{
    const std::string directory = "/proc/" + std::to_string(child); // not reaped: the number is its own
    const std::string line = "0 " + std::to_string(base) + " " + std::to_string(id_range::size) + "\n";
    write_map(directory + "/uid_map", line);
    write_map(directory + "/gid_map", line);
}

unique_fd mapping_namespace(std::uint32_t base)
{
    int ends[2];
    must(pipe2(ends, O_CLOEXEC), "make a pipe");
    const unique_fd ours(ends[0]);
    unique_fd theirs(ends[1]);
    const pid_t child = must(fork(), "start a process for a user namespace");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int number = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
        if (write(ends[1], &number, sizeof number) == sizeof number) {
            pause();
        }
        _exit(0);
    }
    theirs.reset();
    struct reaped {
        pid_t pid;
        ~reaped()
        {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
    } const at_exit{child};
    int number = EIO;
    if (read(ours.get(), &number, sizeof number) != sizeof number || number != 0) {
        fail("make a user namespace", number);
    }
    write_id_maps(child, base);
    unique_fd ns(open(("/proc/" + std::to_string(child) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    must(ns.get(), "open a user namespace");
    return ns;
}

} // namespace deputyd
