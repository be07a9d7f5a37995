// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd::test
{

/// What a command did.
struct outcome {
    int status = -1; ///< exit status, 128 + N after signal N, -1 if the time was over and it was killed
    std::string out;
    std::string err;
};

struct run_options {
    std::string stdin_text = {};                      ///< then end of file
    std::optional<std::vector<std::string>> env = {}; ///< NAME=VALUE; without it the test's own
    std::chrono::milliseconds timeout{60'000};        ///< then SIGKILL
};

/// A command that runs, with pipes as its standard streams. Killed and reaped by the destructor.
class process
{
public:
    explicit process(const std::vector<std::string> &argv, const run_options &options = {});
    process(const process &) = delete;
    process &operator=(const process &) = delete;
    ~process()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill(int signal) const { ::kill(pid_, signal); }
    /// Writes to its standard input.
    void write(const std::string &text) const
    {
        for (std::size_t done = 0; done < text.size();) {
            const ssize_t n = ::write(in_.get(), text.data() + done, text.size() - done);
            if (n < 0) {
                return; // it does not read: what it printed instead tells the test why
            }
            done += static_cast<std::size_t>(n);
        }
    }
    /// What it has printed so far, as far as wait_output() has read it.
    [[nodiscard]] const std::string &output() const { return got_.out; }
    void close_input() { in_.reset(); }
    /// Reads until its output holds text. @return whether it does before the end and the timeout.
    bool wait_output(const std::string &text)
    {
        return pump([&] { return got_.out.find(text) != std::string::npos; });
    }
    /// The same for its standard error.
    bool wait_error(const std::string &text)
    {
        return pump([&] { return got_.err.find(text) != std::string::npos; });
    }
    /// What it has printed so far.
    const outcome &so_far() const { return got_; }
    /// Forgets what it has printed so far.
    void forget() { got_ = {}; }
    /// Closes its input, reads the rest and reaps it.
    outcome wait()
    {
        in_.reset();
        const bool ended = pump([] { return false; });
        if (!ended && (out_ || err_)) {
            ::kill(pid_, SIGKILL);
        }
        int status = 0;
        const bool in_time = reap(status);
        got_.status = !in_time ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return std::exchange(got_, {});
    }

private:
    using clock = std::chrono::steady_clock;

    [[nodiscard]] int milliseconds_left() const
    {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - clock::now());
        return left.count() > 0 ? static_cast<int>(left.count()) : 0;
    }
    static void take(deputy::unique_fd &from, std::string &into)
    {
        char buffer[4096];
        const ssize_t n = ::read(from.get(), buffer, sizeof buffer);
        if (n > 0) {
            into.append(buffer, static_cast<std::size_t>(n));
        } else if (n == 0 || errno != EINTR) {
            from.reset();
        }
    }
    /// @return whether enough() held or, if it never does, whether both streams ended.
    template <class Enough> bool pump(Enough enough)
    {
        while (!enough()) {
            if (!out_ && !err_) {
                return false;
            }
            pollfd fds[2] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
            const int n = ::poll(fds, 2, milliseconds_left());
            if (n == 0) {
                return false;
            }
            if (fds[0].revents != 0) {
                take(out_, got_.out);
            }
            if (fds[1].revents != 0) {
                take(err_, got_.err);
            }
        }
        return true;
    }
    /// @return false if it had to be killed.
    bool reap(int &status)
    {
        const int pidfd = static_cast<int>(::syscall(434 /* pidfd_open */, pid_, 0));
        pollfd wait_for{pidfd, POLLIN, 0};
        const bool in_time = ::poll(&wait_for, 1, milliseconds_left()) == 1;
        if (!in_time) {
            ::kill(pid_, SIGKILL);
        }
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        ::close(pidfd);
        return in_time;
    }

    pid_t pid_ = -1;
    deputy::unique_fd in_, out_, err_;
    clock::time_point deadline_;
    outcome got_;
};

inline process::process(const std::vector<std::string> &argv, const run_options &options)
    : deadline_(clock::now() + options.timeout)
{
    int pipes[3][2];
    for (auto &p : pipes) {
        if (::pipe2(p, O_CLOEXEC) != 0) {
            throw std::system_error(errno, std::system_category(), "pipe2");
        }
    }
    in_.reset(pipes[0][1]);
    out_.reset(pipes[1][0]);
    err_.reset(pipes[2][0]);
    const deputy::unique_fd theirs[3] = {deputy::unique_fd(pipes[0][0]), deputy::unique_fd(pipes[1][1]),
                                         deputy::unique_fd(pipes[2][1])};
    std::vector<char *> args, env;
    for (const auto &a : argv) {
        args.push_back(const_cast<char *>(a.c_str()));
    }
    args.push_back(nullptr);
    const auto own_env = options.env.value_or(std::vector<std::string>{});
    for (const auto &e : own_env) {
        env.push_back(const_cast<char *>(e.c_str()));
    }
    env.push_back(nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that is killed leaves nothing behind
        ::signal(SIGPIPE, SIG_DFL);
        for (int i = 0; i < 3; ++i) {
            ::dup2(theirs[i].get(), i);
        }
        ::execvpe(args[0], args.data(), options.env ? env.data() : environ);
        ::_exit(127);
    }
    if (pid_ < 0) {
        throw std::system_error(errno, std::system_category(), "fork");
    }
    if (!options.stdin_text.empty()) {
        write(options.stdin_text); // small texts only: more than a pipe holds needs a reader first
    }
}

/// Runs a command to its end.
inline outcome run(const std::vector<std::string> &argv, const run_options &options = {})
{
    return process(argv, options).wait();
}

} // namespace deputyd::test
