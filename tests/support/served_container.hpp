// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <deputy/plugin.hpp>

#include "support/container_runtime.hpp"

namespace deputyd::test
{

/// A container that does what it is told until it is stopped. Its cgroup is its root user's.
class served_container
{
public:
    served_container(container_runtime &runtime, const workshop &shop, std::string name,
                     const std::string &policy)
        : runtime_(runtime), shop_(shop), name_(std::move(name))
    {
        make_pipes();
        runtime_.start(name_, policy, command());
        try {
            read_until("up\n");
            init_ = find_init();
            delegate_cgroup();
        } catch (const std::exception &e) {
            runtime_.stop(name_);
            throw std::runtime_error(std::string(e.what()) + "\n" + text_of(shop_.output(name_)));
        }
    }
    ~served_container() { stop(); }
    served_container(const served_container &) = delete;
    served_container &operator=(const served_container &) = delete;

    void stop()
    {
        if (init_ > 0) {
            init_ = -1;
            runtime_.stop(name_);
        }
    }
    /// Runs a command in it. @return what it printed, and its status on a line of its own.
    std::string tell(const std::string &line)
    {
        send(line);
        return answer();
    }
    /// The two halves of tell().
    void send(const std::string &line) { put(line + "\n"); }
    std::string answer() { return read_until("status "); }
    /// Whether an answer has come; it is not taken.
    [[nodiscard]] bool has_answer() const
    {
        pollfd p{out_.get(), POLLIN, 0};
        return poll(&p, 1, 0) == 1;
    }
    /// Runs a command in it by the runtime's own means.
    [[nodiscard]] outcome exec(const std::string &line) const
    {
        const auto argv = runtime_.exec(name_, {"/bin/busybox", "sh", "-c", line});
        outcome o = run(argv);
        for (int tries = 1; tries < 20 && runtime_.is_known_failure(o); ++tries) {
            std::cout << name_ << ": the runtime failed to start a process, once more\n";
            o = run(argv);
        }
        return o;
    }
    /// Its cgroup on the host.
    [[nodiscard]] std::filesystem::path cgroup() const { return cgroup_; }
    /// How many of its threads are in a system call.
    [[nodiscard]] std::size_t threads_in(long number) const
    {
        std::istringstream threads(text_of(cgroup_ / "cgroup.threads"));
        std::size_t count = 0;
        for (std::string tid; threads >> tid;) {
            count += text_of("/proc/" + tid + "/syscall").starts_with(std::to_string(number) + " ") ? 1 : 0;
        }
        return count;
    }
    [[nodiscard]] std::string logged_name() const { return runtime_.logged_name(name_); }

private:
    std::vector<std::string> command() const { return {"/bin/busybox", "sh", "/server", name_}; }
    void make_pipes()
    {
        const auto directory = shop_.control(name_);
        std::filesystem::create_directories(directory);
        for (const char *end : {"in", "out"}) {
            const auto path = directory / end;
            if (mkfifo(path.c_str(), 0666) != 0) {
                throw std::system_error(errno, std::system_category(), path);
            }
            std::filesystem::permissions(path, std::filesystem::perms(0666)); // whatever the umask
        }
        std::filesystem::permissions(directory, std::filesystem::perms(0755));
        in_.reset(open((directory / "in").c_str(), O_RDWR | O_CLOEXEC));
        out_.reset(open((directory / "out").c_str(), O_RDWR | O_CLOEXEC));
    }
    void put(const std::string &text) const
    {
        if (write(in_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw std::system_error(errno, std::system_category(), "write");
        }
    }
    /// Up to the end of the line that holds text.
    std::string read_until(const std::string &text)
    {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(40);
        std::string::size_type end = std::string::npos;
        for (;;) {
            const auto found = got_.find(text);
            end = found == std::string::npos ? found : got_.find('\n', found);
            if (end != std::string::npos) {
                break;
            }
            pollfd p{out_.get(), POLLIN, 0};
            char part[4096];
            if (std::chrono::steady_clock::now() > deadline) {
                throw std::runtime_error(name_ + " says nothing more than: " + got_);
            }
            if (poll(&p, 1, 200) == 1) {
                const ssize_t n = read(out_.get(), part, sizeof part);
                got_.append(part, n > 0 ? static_cast<std::size_t>(n) : 0);
            }
        }
        std::string said = got_.substr(0, end + 1);
        got_.erase(0, end + 1);
        return said;
    }
    /// By its command, which no other process has.
    pid_t find_init() const
    {
        std::string wanted;
        for (const auto &word : command()) {
            wanted += word + '\0';
        }
        for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
            const std::string pid = entry.path().filename();
            if (pid.find_first_not_of("0123456789") == pid.npos &&
                text_of(entry.path() / "cmdline") == wanted) {
                return std::stoi(pid);
            }
        }
        throw std::runtime_error(name_ + " has no process");
    }
    /// What a manager of nested containers needs; some runtimes do it themselves.
    void delegate_cgroup()
    {
        const std::string text = text_of("/proc/" + std::to_string(init_) + "/cgroup");
        const auto at = text.find("0::/");
        cgroup_ = "/sys/fs/cgroup" + text.substr(at + 3, text.find('\n', at) - at - 3);
        std::istringstream status(text_of("/proc/" + std::to_string(init_) + "/status"));
        uid_t owner = 0;
        for (std::string word; status >> word;) {
            if (word == "Uid:") {
                status >> owner;
            }
        }
        if (owner == 0 || cgroup_ == "/sys/fs/cgroup/") {
            throw std::runtime_error(name_ + " has no user namespace, or no cgroup, of its own: " + text);
        }
        for (const char *file : {"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}) {
            if (chown((cgroup_ / file).c_str(), owner, owner) != 0) {
                throw std::system_error(errno, std::system_category(), cgroup_);
            }
        }
    }

    container_runtime &runtime_;
    const workshop &shop_;
    std::string name_;
    deputy::unique_fd in_, out_;
    std::string got_;
    pid_t init_ = -1;
    std::filesystem::path cgroup_;
};

} // namespace deputyd::test
