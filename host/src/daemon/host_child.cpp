// SPDX-License-Identifier: Apache-2.0
#include "daemon/host_child.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace deputyd
{
namespace
{

void must(bool good, const char *what)
{
    if (!good) {
        throw std::system_error(errno, std::system_category(), what);
    }
}

} // namespace

host_child::host_child(const std::string &program, const std::vector<std::string> &arguments)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    socket_.reset(pair[0]);
    const deputy::unique_fd theirs(pair[1]);
    // Room for all that is kept: the keeper must not wait for a host that hangs.
    const int room = 64 << 20;
    if (setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
        setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
    std::vector<std::string> all = {program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.push_back(std::to_string(theirs.get()));
    std::vector<char *> argv;
    for (auto &a : all) {
        argv.push_back(a.data());
    }
    argv.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    must(pid_ >= 0, "fork");
    if (pid_ == 0) {
        // A host without its keeper is another one's rival.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        fcntl(theirs.get(), F_SETFD, 0);
        if (getppid() == parent) {
            execv(argv[0], argv.data());
            execv("/proc/self/exe", argv.data());
        }
        _exit(127);
    }
    pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    must(static_cast<bool>(pidfd_), "pidfd_open");
}

host_child::~host_child()
{
    if (pid_ > 0 && !reaped_) {
        kill();
        wait(std::chrono::milliseconds(0));
    }
}

void host_child::kill() const noexcept
{
    syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

bool host_child::main_ended() const
{
    // Not reaped, so the number is still its own.
    const deputy::unique_fd fd(open(fmt::format("/proc/{}/stat", pid_).c_str(), O_RDONLY | O_CLOEXEC));
    char text[512];
    const ssize_t n = fd ? read(fd.get(), text, sizeof text - 1) : -1;
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    const char *name_end = std::strrchr(text, ')');
    return name_end != nullptr && std::strlen(name_end) > 2 && (name_end[2] == 'Z' || name_end[2] == 'X');
}

std::optional<int> host_child::wait(std::chrono::milliseconds at_most)
{
    pollfd ended{pidfd_.get(), POLLIN, 0};
    int status = 0;
    if (reaped_ || poll(&ended, 1, static_cast<int>(at_most.count())) != 1 ||
        waitpid(pid_, &status, WNOHANG) != pid_) {
        return {};
    }
    reaped_ = true;
    return status;
}

std::string describe_status(int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        const int number = WTERMSIG(wait_status);
        return fmt::format("signal {} ({})", number, strsignal(number));
    }
    return fmt::format("status {}", WEXITSTATUS(wait_status));
}

} // namespace deputyd
