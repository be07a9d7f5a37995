// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "support/container.hpp"

namespace deputyd::test
{

inline std::string text_of(const std::filesystem::path &file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

inline void write_text(const std::filesystem::path &file, const std::string &text)
{
    std::ofstream(file) << text;
}

/// Asks again and again. @return whether it held before the time was over.
inline bool wait_until(const std::function<bool()> &holds,
                       std::chrono::milliseconds at_most = std::chrono::seconds(30))
{
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// A command that runs beside the test, with /dev/null as its input and a file as its output, which it
/// cannot fill. Killed and reaped by the destructor.
class background
{
public:
    background(std::vector<std::string> argv, std::filesystem::path output) : output_(std::move(output))
    {
        std::vector<char *> args;
        for (auto &a : argv) {
            args.push_back(a.data());
        }
        args.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that is killed leaves nothing behind
            const int in = open("/dev/null", O_RDONLY);
            const int out = open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
            dup2(in, 0);
            dup2(out, 1);
            dup2(out, 2);
            close(in);
            close(out);
            execvp(args[0], args.data());
            _exit(127);
        }
        if (pid_ < 0) {
            throw std::system_error(errno, std::system_category(), "fork");
        }
    }
    ~background() { end(SIGKILL); }
    background(const background &) = delete;
    background &operator=(const background &) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string output() const { return text_of(output_); }
    void kill(int signal) const
    {
        if (pid_ > 0) {
            ::kill(pid_, signal);
        }
    }
    [[nodiscard]] bool ended()
    {
        if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
        }
        return pid_ < 0;
    }
    /// Sends a signal, and SIGKILL if that does not end it.
    void end(int signal)
    {
        kill(signal);
        if (!wait_until([this] { return ended(); }, std::chrono::seconds(20))) {
            kill(SIGKILL);
            waitpid(std::exchange(pid_, -1), nullptr, 0);
        }
    }

private:
    std::filesystem::path output_;
    pid_t pid_ = -1;
};

} // namespace deputyd::test
