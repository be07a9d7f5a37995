// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// deputyd as a test runs it, and containers as runtimes hand them over.

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <deputy/plugin.hpp>

#include "support/process.hpp"

namespace deputyd::test
{

namespace fs = std::filesystem;
using deputy::unique_fd;

/// Sends bytes and descriptors in one go.
inline void send_with_fds(int socket, const std::string &bytes, const std::vector<int> &fds)
{
    std::vector<char> control(CMSG_SPACE(sizeof(int) * (fds.size() + 1)));
    iovec part{const_cast<char *>(bytes.data()), bytes.size()};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    if (!fds.empty()) {
        m.msg_control = control.data();
        m.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(c), fds.data(), sizeof(int) * fds.size());
    }
    if (::sendmsg(socket, &m, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
        throw std::runtime_error(std::string("sendmsg: ") + std::strerror(errno));
    }
}

inline unique_fd receive_fd(int socket)
{
    char byte = 0;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec part{&byte, 1};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    if (::recvmsg(socket, &m, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&m) == nullptr) {
        throw std::runtime_error("the container has no listener");
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return unique_fd(fd);
}

/// A process in a user namespace of its own whose getppid() and uname() are handed over. It makes a call
/// for each byte that it is told: the results come back in order.
class container_process
{
public:
    /// @param user who makes its user namespace: root with nothing mapped, or another, with itself as root.
    explicit container_process(uid_t user = 0)
    {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
            throw std::runtime_error("socketpair");
        }
        link_.reset(pair[0]);
        const unique_fd theirs(pair[1]);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(pair[0]);
            live(theirs.get(), user);
        }
        listener_ = receive_fd(link_.get());
    }
    ~container_process()
    {
        if (pid_ > 0) {
            end();
        }
    }
    container_process(const container_process &) = delete;
    container_process &operator=(const container_process &) = delete;

    pid_t pid() const { return pid_; }
    int listener() const { return listener_.get(); }
    void close_listener() { listener_.reset(); }
    void end()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }
    /// Starts a call.
    void begin(int number = SYS_getppid)
    {
        if (::send(link_.get(), &number, sizeof number, MSG_NOSIGNAL) != sizeof number) {
            throw std::runtime_error("the container is gone");
        }
    }
    /// The result of the call that was begun first: a value or a negative errno; -999 if it never ends.
    long result() const
    {
        pollfd readable{link_.get(), POLLIN, 0};
        long r = -999;
        if (::poll(&readable, 1, 10000) != 1 || ::recv(link_.get(), &r, sizeof r, 0) != sizeof r) {
            return -999;
        }
        return r;
    }
    long call(int number = SYS_getppid)
    {
        begin(number);
        return result();
    }
    /// Waits until it is inside the call that was begun.
    void wait_inside(int number = SYS_getppid) const
    {
        const std::string wanted = std::to_string(number) + " ";
        for (;;) {
            std::ifstream file("/proc/" + std::to_string(pid_) + "/syscall");
            std::string line;
            std::getline(file, line);
            if (line.starts_with(wanted)) {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

private:
    static void become(uid_t user)
    {
        if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0 ||
            ::prctl(PR_SET_DUMPABLE, 1) != 0 || ::unshare(CLONE_NEWUSER) != 0) {
            ::_exit(96);
        }
        const std::string map = "0 " + std::to_string(user) + " 1";
        std::ofstream("/proc/self/setgroups") << "deny";
        std::ofstream("/proc/self/uid_map") << map;
        std::ofstream("/proc/self/gid_map") << map;
    }

    [[noreturn]] static void live(int link, uid_t user)
    {
        if (user != 0) {
            become(user);
        } else if (::unshare(CLONE_NEWUSER) != 0) {
            ::_exit(97);
        }
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const sock_fprog program{std::size(code), code};
        const int fd = static_cast<int>(
            ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
        if (fd < 0) {
            ::_exit(98);
        }
        send_with_fds(link, "l", {fd});
        ::close(fd);
        int number = 0;
        while (::recv(link, &number, sizeof number, 0) == sizeof number) {
            char room[512];
            const long r = ::syscall(number, room);
            const long result = r < 0 ? -errno : r;
            if (::send(link, &result, sizeof result, MSG_NOSIGNAL) != sizeof result) {
                break;
            }
        }
        ::_exit(0);
    }

    pid_t pid_ = -1;
    unique_fd link_;
    unique_fd listener_;
};

inline unique_fd connect_to(const fs::path &path, int type)
{
    unique_fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
    if (::connect(fd.get(), reinterpret_cast<sockaddr *>(&a), sizeof a) != 0) {
        throw std::runtime_error("connect " + path.string() + ": " + std::strerror(errno));
    }
    return fd;
}

/// The same as another user: a thread of its own takes that identity, and the kernel notes it.
inline unique_fd connect_as(uid_t user, const fs::path &path, int type)
{
    unique_fd fd;
    std::thread([&] {
        ::syscall(SYS_setresgid, user, user, user);
        ::syscall(SYS_setresuid, user, user, user);
        try {
            fd = connect_to(path, type);
        } catch (const std::runtime_error &) {
            // The caller sees that there is none.
        }
    }).join();
    return fd;
}

/// deputyd with its configuration in a directory of its own.
class daemon_fixture
{
public:
    daemon_fixture()
    {
        std::string name = fs::temp_directory_path() / "deputyd-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("mkdtemp");
        }
        directory = name;
        ::chmod(name.c_str(), 0755);
        configure("[policy.default.enable]\ntwo_calls = true\n");
    }
    ~daemon_fixture()
    {
        daemon.reset();
        std::error_code ignored;
        fs::remove_all(directory, ignored);
    }

    void configure(const std::string &text) const { std::ofstream(directory / "deputy.toml") << text; }
    std::vector<std::string> command() const
    {
        return {DEPUTY_BIN_DIR "/deputyd",
                "--socket-dir",
                sockets().string(),
                "--plugin-dir",
                DEPUTY_TEST_PLUGINS_DIR,
                "--config",
                (directory / "deputy.toml").string()};
    }
    fs::path sockets() const { return directory / "run"; }
    /// Starts it and waits until it serves. @return whether it does.
    bool start(const std::vector<std::string> &environment = {})
    {
        run_options options;
        if (!environment.empty()) {
            options.env = environment;
        }
        options.timeout = std::chrono::seconds(60);
        daemon.emplace(command(), options);
        return daemon->wait_error("ready");
    }
    /// Its one child that lives.
    pid_t host() const
    {
        const std::string pid = std::to_string(daemon->pid());
        std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
        pid_t child = 0;
        file >> child;
        return child;
    }
    /// Kills the host and waits until no thread of it can receive a call any more. The keeper is stopped, so
    /// that the dead one stays to be seen.
    void kill_host_for_good(pid_t old) const
    {
        ASSERT_EQ(::kill(old, SIGKILL), 0);
        const std::filesystem::path process = "/proc/" + std::to_string(old);
        const auto is_dead = [&] {
            const auto tasks = std::distance(std::filesystem::directory_iterator(process / "task"), {});
            std::ifstream file(process / "stat");
            std::string stat((std::istreambuf_iterator<char>(file)), {});
            return tasks == 1 && stat.find(") Z") != std::string::npos;
        };
        while (!is_dead()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    /// Waits until another host than this one is there. @return its pid.
    pid_t next_host(pid_t old) const
    {
        for (;;) {
            const pid_t now = host();
            if (now != 0 && now != old) {
                return now;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    /// Hands a container over as an OCI runtime does. @return the connection.
    unique_fd hand_over(const container_process &c, const std::string &id, const std::string &metadata = "",
                        const std::string &socket = "oci.sock", const std::string &annotations = "{}") const
    {
        return send_state(connect_to(sockets() / socket, SOCK_STREAM), c, id, metadata, annotations);
    }
    /// The same through a connection that is there. @param annotations in JSON.
    static unique_fd send_state(unique_fd fd, const container_process &c, const std::string &id,
                                const std::string &metadata = "", const std::string &annotations = "{}")
    {
        const std::string pid = std::to_string(c.pid());
        send_with_fds(fd.get(),
                      R"({"ociVersion":"1.0.2","fds":["seccompFd"],"pid":)" + pid + R"(,"metadata":")" +
                          metadata + R"(","state":{"ociVersion":"1.0.2","id":")" + id +
                          R"(","annotations":)" + annotations + R"(,"status":"creating","pid":)" + pid +
                          R"(,"bundle":"/b"}})",
                      {c.listener()});
        return fd;
    }

    fs::path directory;
    std::optional<process> daemon;
};

/// Whether the peer closes the connection.
inline bool closed(int fd)
{
    char c = 0;
    pollfd readable{fd, POLLIN, 0};
    return ::poll(&readable, 1, 30'000) == 1 && ::recv(fd, &c, 1, 0) <= 0;
}

} // namespace deputyd::test
