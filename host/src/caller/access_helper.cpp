// SPDX-License-Identifier: Apache-2.0
#include "caller/access_helper.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/passed_fds.hpp"

namespace deputyd
{
namespace
{

constexpr int patience = 20; // milliseconds between two looks whether an answer is still wanted

/// Processes that were killed. Nobody else in the host waits for children that it did not start.
class graveyard
{
public:
    void add(pid_t pid, std::shared_ptr<std::atomic<unsigned>> alive)
    {
        const std::lock_guard lock(mutex_);
        dead_.push_back({pid, std::move(alive)});
    }
    void collect() noexcept
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(dead_, [](const process &p) {
            if (::waitpid(p.pid, nullptr, WNOHANG) == 0) {
                return false;
            }
            p.alive->fetch_sub(1);
            return true;
        });
    }

private:
    struct process {
        pid_t pid;
        std::shared_ptr<std::atomic<unsigned>> alive;
    };
    std::mutex mutex_;
    std::vector<process> dead_;
};

graveyard &killed()
{
    static auto *const all = new graveyard; // threads that are left behind may come back
    return *all;
}

/// Beside the program itself, where a build has it, or where it is installed.
std::string program()
{
    std::array<char, PATH_MAX> self{};
    const ssize_t n = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
    const std::string name = "deputy-access";
    if (n > 0) {
        const std::string path(self.data(), static_cast<std::size_t>(n));
        std::string beside = path.substr(0, path.rfind('/') + 1) + name;
        if (::access(beside.c_str(), X_OK) == 0) {
            return beside;
        }
    }
    return DEPUTY_LIBEXEC_DIR "/" + name;
}

/// With no signal blocked, none ignored, an empty environment, and a session of its own: what a terminal
/// sends is not meant for it. No death signal: the kernel sends that when the thread that started it ends,
/// and threads come and go here; the end of the socket says the same of the process.
/// @return its pid, or -1.
pid_t spawn(const std::string &path, int socket, int user_ns)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&files, socket, access_socket);
    ::posix_spawn_file_actions_adddup2(&files, user_ns, access_user_ns);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    std::string name = "deputy-access";
    char *const argv[] = {name.data(), nullptr};
    char *const environment[] = {nullptr};
    pid_t pid = -1;
    const int r = ::posix_spawn(&pid, path.c_str(), &files, &attributes, argv, environment);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return r == 0 ? pid : -1;
}

/// A copy above the standard descriptors, which the two for the helper must not be.
deputy::unique_fd above(int fd)
{
    return deputy::unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
}

} // namespace

std::unique_ptr<access_helper> access_helper::start(int user_ns, std::shared_ptr<std::atomic<unsigned>> alive,
                                                    unsigned limit)
{
    killed().collect();
    if (alive->load() >= limit) {
        return nullptr;
    }
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return nullptr;
    }
    deputy::unique_fd own{pair[0]};
    const deputy::unique_fd other{pair[1]};
    const deputy::unique_fd theirs = above(other.get());
    const deputy::unique_fd ns = above(user_ns);
    const pid_t pid = theirs && ns ? spawn(program(), theirs.get(), ns.get()) : -1;
    if (pid < 0) {
        return nullptr;
    }
    alive->fetch_add(1);
    return std::unique_ptr<access_helper>(new access_helper(std::move(own), pid, std::move(alive)));
}

access_helper::~access_helper()
{
    socket_.reset();
    ::kill(pid_, SIGKILL); // not collected yet, so the number is its own
    killed().add(pid_, std::move(alive_));
    killed().collect();
}

std::int32_t access_helper::wait(const std::function<std::int32_t()> &give_up) const
{
    for (;;) {
        pollfd p{socket_.get(), POLLIN, 0};
        const int n = ::poll(&p, 1, patience);
        if (n > 0) {
            return 0;
        }
        const bool interrupted = n < 0;
        if (const std::int32_t why = give_up(); why < 0) {
            return why;
        }
        if (interrupted) {
            return -EINTR; // the wait of a handler that blocks is over
        }
    }
}

access_helper::answer access_helper::open(access_request request, std::span<const std::uint32_t> groups,
                                          const char *path, std::span<const int, 3> directories,
                                          const std::function<std::int32_t()> &give_up)
{
    ready_ = false;
    request.group_count = static_cast<std::uint32_t>(groups.size());
    request.path_size = static_cast<std::uint32_t>(std::strlen(path)) + 1;
    std::array<iovec, 3> parts = {{{&request, sizeof request},
                                   {const_cast<std::uint32_t *>(groups.data()), groups.size_bytes()},
                                   {const_cast<char *>(path), request.path_size}}};
    const bool began = has_answered_;
    if (send_fds(socket_.get(), parts, directories) < 0) {
        return {-EIO, began, {}};
    }
    if (const std::int32_t r = wait(give_up); r < 0) {
        return {r, true, {}};
    }
    access_answer said{};
    answer a{-EIO, began, {}};
    const ssize_t n =
        receive_fds(socket_.get(), std::as_writable_bytes(std::span(&said, 1)), std::span(&a.fd, 1));
    const bool whole =
        n == static_cast<ssize_t>(sizeof said) && (said.result == 0) == static_cast<bool>(a.fd);
    if (!whole) {
        a.fd.reset();
        return a;
    }
    ready_ = has_answered_ = true;
    a.result = said.result;
    a.became = said.became != 0;
    return a;
}

} // namespace deputyd
