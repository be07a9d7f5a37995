// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// A caller and a plugin for tests of the notifier's loop, without a container, a file or root: a forked
/// child whose filter hands quotactl() and mknodat() to the test, and a plugin whose handlers are functions.

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <map>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <deputy/plugin.hpp>

#include "caller/container.hpp"
#include "plugin/handler_table.hpp"
#include "plugin/loaded_plugin.hpp"

namespace deputy_test
{

/// The call that is handed over: every architecture has it, libc and the sanitizers never make it.
inline long call(std::uint64_t command, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0)
{
    const long r = ::syscall(SYS_quotactl, command, a, b, c);
    return r < 0 ? -errno : r;
}
template <class T> std::uint64_t address(const T *p)
{
    return reinterpret_cast<std::uint64_t>(p);
}

/// Lets only what is done after it be seen: waits until a condition holds, however long that takes.
template <class Condition> void wait_until(Condition &&condition)
{
    while (!condition()) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

inline std::size_t open_descriptors()
{
    std::size_t n = 0;
    for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        ++n;
    }
    return n;
}

/// A child with the filter. Make it before the host: a sanitizer forbids threads in a child that is
/// forked from several.
class supervised
{
public:
    /// @param body runs in the child; what it returns is its exit status.
    /// @param prepare runs in the child before the filter is there.
    explicit supervised(
        const std::function<int()> &body, bool wait_killable = true,
        const std::function<void()> &prepare = [] {})
    {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
            throw std::runtime_error("socketpair");
        }
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(pair[0]);
            prepare();
            const int fd = install(wait_killable);
            send(pair[1], fd);
            ::close(fd);
            char go = 0;
            if (::read(pair[1], &go, 1) != 1) {
                ::_exit(99);
            }
            ::_exit(body());
        }
        ::close(pair[1]);
        socket_.reset(pair[0]);
        listener_ = receive(pair[0]);
    }
    ~supervised()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }
    supervised(const supervised &) = delete;
    supervised &operator=(const supervised &) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    deputy::unique_fd take_listener() { return std::move(listener_); }
    /// Starts the body.
    void go() { [[maybe_unused]] const auto n = ::write(socket_.get(), "", 1); }
    /// @return the exit status, or the negative signal that killed it.
    int wait()
    {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    int run()
    {
        go();
        return wait();
    }

private:
    static int install(bool wait_killable)
    {
        sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_quotactl, 1, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mknodat, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const sock_fprog program{std::size(code), code};
        const unsigned flags =
            SECCOMP_FILTER_FLAG_NEW_LISTENER | (wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
    }
    union control {
        cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    };
    static void send(int socket, int fd)
    {
        char byte = 0;
        iovec part{&byte, 1};
        control c{};
        msghdr m{};
        m.msg_iov = &part;
        m.msg_iovlen = 1;
        m.msg_control = &c;
        m.msg_controllen = sizeof c;
        c.header.cmsg_level = SOL_SOCKET;
        c.header.cmsg_type = SCM_RIGHTS;
        c.header.cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(&c.header), &fd, sizeof fd);
        if (fd < 0 || ::sendmsg(socket, &m, 0) != 1) {
            ::_exit(98);
        }
    }
    static deputy::unique_fd receive(int socket)
    {
        char byte = 0;
        iovec part{&byte, 1};
        control c{};
        msghdr m{};
        m.msg_iov = &part;
        m.msg_iovlen = 1;
        m.msg_control = &c;
        m.msg_controllen = sizeof c;
        int fd = -1;
        if (::recvmsg(socket, &m, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&m) == nullptr) {
            throw std::runtime_error("the child has no seccomp listener");
        }
        std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
        return deputy::unique_fd{fd};
    }

    pid_t pid_ = -1;
    deputy::unique_fd socket_;
    deputy::unique_fd listener_;
};

/// A plugin in the test itself. Its handlers for quotactl() are told apart by the first argument.
class functional_plugin
{
public:
    using handle = std::function<deputy_verdict(deputy_call *, const deputy_syscall &, deputy_answer &)>;
    using undo = std::function<void(const deputy_syscall &, std::string_view token)>;
    using undo_of_call = std::function<void(deputy_call *)>;

    explicit functional_plugin(std::uint32_t capabilities = 0) : capabilities_(capabilities) {}

    /// For this command, or for all.
    functional_plugin &on(std::uint32_t command, handle h)
    {
        commands_.push_back(deputy::equals32(0, command));
        handle_[command] = std::move(h);
        return *this;
    }
    functional_plugin &on_process_gone(std::function<void(std::uint64_t container, std::uint64_t id)> told)
    {
        process_gone_ = std::move(told);
        return *this;
    }
    /// Tells the loaded plugin of a container.
    void add_container(std::uint64_t id) const
    {
        deputy_container added{};
        added.struct_size = sizeof added;
        added.cgroup = -1;
        added.id = id;
        added.name = "test";
        added.settings = "{}";
        loaded_->container_added(added);
    }
    void remove_container(std::uint64_t id) const { loaded_->container_gone(id); }
    functional_plugin &on_call_gone(std::function<void(std::uint64_t ticket)> told)
    {
        call_gone_ = std::move(told);
        return *this;
    }
    functional_plugin &on_undo(undo u)
    {
        undo_ = std::move(u);
        return *this;
    }
    /// The same, with the services for the call.
    functional_plugin &on_undo_of_call(undo_of_call u)
    {
        undo_of_call_ = std::move(u);
        return on_undo([](const auto &, auto) {});
    }
    /// What its calls get while a handler is off.
    functional_plugin &on_off(std::uint32_t error)
    {
        off_error_ = error;
        return *this;
    }
    /// Its handlers under other rules than a host's own. Lives no longer than the plugin.
    std::shared_ptr<const deputyd::handler_table>
    ruled(const std::function<void(deputyd::ruled_handler &)> &change, deputyd::call_limits limits = {})
    {
        const auto all = table().all();
        std::vector<deputyd::ruled_handler> handlers(all.begin(), all.end());
        for (deputyd::ruled_handler &h : handlers) {
            change(h);
        }
        return std::make_shared<const deputyd::handler_table>(std::move(handlers), limits);
    }
    /// Loads it; no more handlers after that.
    const deputyd::handler_table &table()
    {
        if (!loaded_) {
            next() = this;
            loaded_ = std::make_unique<deputyd::loaded_plugin>(deputyd::manifest{DEPUTY_ABI_MAJOR,
                                                                                 DEPUTY_ABI_MINOR,
                                                                                 DEPUTY_ABI_MINOR,
                                                                                 capabilities_,
                                                                                 "functional",
                                                                                 "1",
                                                                                 {"quotactl"}},
                                                               description(),
                                                               std::span<const deputyd::extension>{});
            std::vector<const deputyd::handler *> all;
            for (const auto &h : loaded_->handlers()) {
                all.push_back(h.get());
            }
            table_ = deputyd::handler_table(all);
        }
        return table_;
    }

private:
    static functional_plugin *&next()
    {
        static functional_plugin *plugin = nullptr;
        return plugin;
    }
    static std::int32_t register_handlers(void *plugin, const deputy_registrar *registrar)
    {
        auto &me = *static_cast<functional_plugin *>(plugin);
        for (const auto &command : me.commands_) {
            deputy_handler h{};
            h.struct_size = sizeof h;
            h.predicate_count = 1;
            h.syscall = "quotactl";
            h.predicates = &command;
            h.off_error = me.off_error_;
            h.handle = [](void *p, deputy_call *c, const deputy_syscall *s, deputy_answer *a) {
                const auto &handlers = static_cast<functional_plugin *>(p)->handle_;
                return handlers.at(static_cast<std::uint32_t>(s->args[0]))(c, *s, *a);
            };
            if (me.undo_) {
                h.undo = [](void *p, deputy_call *c, const deputy_syscall *s, const void *token,
                            std::uint64_t size) {
                    auto &self = *static_cast<functional_plugin *>(p);
                    self.undo_(*s, std::string_view{static_cast<const char *>(token), size});
                    if (self.undo_of_call_) {
                        self.undo_of_call_(c);
                    }
                };
            }
            const std::int32_t r = registrar->add(registrar->context, &h);
            if (r < 0) {
                return r;
            }
        }
        return 0;
    }
    static const deputy_plugin_v1 &description()
    {
        static const deputy_plugin_v1 d = {
            .struct_size = sizeof(deputy_plugin_v1),
            .threads = DEPUTY_THREADS_PARALLEL,
            .settings_schema = nullptr,
            .create =
                [](const deputy_host *, void **ret) {
                    *ret = next();
                    return 0;
                },
            .register_handlers = register_handlers,
            .ready = nullptr,
            .container_added = nullptr,
            .container_gone = nullptr,
            .drain = nullptr,
            .destroy = [](void *) {},
            .container_exec = nullptr,
            .process_gone =
                [](void *p, std::uint64_t container, std::uint64_t process) {
                    if (const auto &told = static_cast<functional_plugin *>(p)->process_gone_) {
                        told(container, process);
                    }
                },
            .call_gone =
                [](void *p, std::uint64_t ticket) {
                    if (const auto &told = static_cast<functional_plugin *>(p)->call_gone_) {
                        told(ticket);
                    }
                },
        };
        return d;
    }

    std::uint32_t capabilities_;
    std::uint32_t off_error_ = 0;
    std::vector<deputy_predicate> commands_;
    std::map<std::uint32_t, handle> handle_;
    undo undo_;
    undo_of_call undo_of_call_;
    std::function<void(std::uint64_t)> call_gone_;
    std::function<void(std::uint64_t, std::uint64_t)> process_gone_;
    std::unique_ptr<deputyd::loaded_plugin> loaded_;
    deputyd::handler_table table_;
};

inline std::shared_ptr<const deputyd::container> container(std::uint64_t id, bool wait_killable = true)
{
    struct stat st {
    };
    ::stat("/proc/self/ns/user", &st);
    return std::make_shared<deputyd::container>(
        deputyd::container{id, "test" + std::to_string(id), st.st_ino, wait_killable});
}

inline deputy_verdict reply(deputy_answer &a, std::int64_t value)
{
    a.value = value;
    return DEPUTY_REPLY;
}
inline deputy_verdict fail(deputy_answer &a, int error)
{
    a.error = error;
    return DEPUTY_REPLY;
}

} // namespace deputy_test
