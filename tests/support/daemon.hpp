// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>

#include "support/background.hpp"

namespace deputyd::test
{

/// What a process holds, as the kernel counts it.
struct holdings {
    std::size_t descriptors = 0;
    std::size_t threads = 0;
    std::size_t memory = 0; ///< resident, in KiB

    static holdings of(pid_t pid)
    {
        const std::filesystem::path proc = "/proc/" + std::to_string(pid);
        holdings h;
        h.descriptors = entries(proc / "fd");
        h.threads = entries(proc / "task");
        std::istringstream status(text_of(proc / "status"));
        for (std::string word; status >> word;) {
            if (word == "VmRSS:") {
                status >> h.memory;
            }
        }
        return h;
    }
    bool operator==(const holdings &) const = default;

private:
    static std::size_t entries(const std::filesystem::path &directory)
    {
        std::error_code none;
        const auto all = std::filesystem::directory_iterator(directory, none);
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }
};

/// A deputyd of this test's own: keeper and host. Ended by the destructor.
class daemon
{
public:
    daemon(const std::filesystem::path &directory, const std::string &config)
        : directory_(directory), keeper_(command(directory, config), directory / "deputyd.log")
    {
        if (!wait_until([this] { return keeper_.ended() || logged("ready"); }) || keeper_.ended()) {
            throw std::runtime_error("deputyd does not get ready:\n" + log());
        }
    }
    ~daemon() { keeper_.end(SIGTERM); }
    daemon(const daemon &) = delete;
    daemon &operator=(const daemon &) = delete;

    [[nodiscard]] std::filesystem::path socket(const std::string &name) const { return directory_ / name; }
    [[nodiscard]] std::string log() const { return keeper_.output(); }
    [[nodiscard]] bool logged(const std::string &text) const { return log().find(text) != std::string::npos; }
    [[nodiscard]] pid_t keeper() const { return keeper_.pid(); }
    /// The host now; 0 while there is none.
    [[nodiscard]] pid_t host() const
    {
        const std::string name = std::to_string(keeper());
        std::istringstream children(text_of("/proc/" + name + "/task/" + name + "/children"));
        pid_t pid = 0;
        children >> pid;
        return pid;
    }
    [[nodiscard]] holdings of_keeper() const { return holdings::of(keeper()); }
    [[nodiscard]] holdings of_host() const { return holdings::of(host()); }

    /// Kills the host and keeps the keeper from starting another one until resume().
    void kill_host() const
    {
        const pid_t old = host();
        keeper_.kill(SIGSTOP);
        ::kill(old, SIGKILL);
        const std::string stat = "/proc/" + std::to_string(old) + "/stat";
        // The first thread is a zombie for as long as nobody reaps it: no other process has its number.
        if (!wait_until([&] { return text_of(stat).find(") Z ") != std::string::npos; })) {
            throw std::runtime_error("the host does not die");
        }
    }
    void resume() const { keeper_.kill(SIGCONT); }

private:
    static std::vector<std::string> command(const std::filesystem::path &directory, const std::string &config)
    {
        write_text(directory / "deputy.toml", config);
        return {DEPUTY_BIN_DIR "/deputyd",
                "--socket-dir",
                directory,
                "--plugin-dir",
                DEPUTY_PLUGINS_DIR,
                "--config",
                directory / "deputy.toml"};
    }

    std::filesystem::path directory_;
    background keeper_;
};

} // namespace deputyd::test
