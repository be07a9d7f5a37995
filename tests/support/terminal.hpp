// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <pty.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd::test
{

/// A command on a terminal of its own. Killed and reaped by the destructor.
class on_terminal
{
public:
    on_terminal(std::vector<std::string> argv, unsigned short columns, unsigned short rows)
    {
        std::vector<char *> args;
        for (auto &a : argv) {
            args.push_back(a.data());
        }
        args.push_back(nullptr);
        const winsize size{rows, columns, 0, 0};
        int fd = -1;
        pid_ = ::forkpty(&fd, nullptr, nullptr, &size);
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::execvp(args[0], args.data());
            ::_exit(127);
        }
        if (pid_ < 0) {
            throw std::system_error(errno, std::system_category(), "forkpty");
        }
        fd_.reset(fd);
    }
    ~on_terminal()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    on_terminal(const on_terminal &) = delete;
    on_terminal &operator=(const on_terminal &) = delete;

    /// Reads until what it printed contains text that many times. @return whether it does before its end.
    bool wait_output(const std::string &text, int times = 1)
    {
        const auto there = [&] {
            std::size_t at = 0;
            for (int i = 0; i < times; ++i, at += text.size()) {
                at = output_.find(text, at);
                if (at == std::string::npos) {
                    return false;
                }
            }
            return true;
        };
        while (!there()) {
            if (!read_some()) {
                return false;
            }
        }
        return true;
    }
    void type(const std::string &keys) const { (void)!::write(fd_.get(), keys.data(), keys.size()); }
    void resize(unsigned short columns, unsigned short rows) const
    {
        const winsize size{rows, columns, 0, 0};
        ::ioctl(fd_.get(), TIOCSWINSZ, &size);
    }
    /// Reads the rest. @return as waitpid() gives it.
    int wait()
    {
        while (read_some()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }
    [[nodiscard]] const std::string &output() const { return output_; }

private:
    bool read_some()
    {
        char buffer[4096];
        const ssize_t n = ::read(fd_.get(), buffer, sizeof buffer); // EIO once nobody has the terminal
        output_.append(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
        return n > 0;
    }

    pid_t pid_ = -1;
    deputy::unique_fd fd_;
    std::string output_;
};

} // namespace deputyd::test
