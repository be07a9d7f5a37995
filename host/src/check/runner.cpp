// SPDX-License-Identifier: Apache-2.0
#include "check/runner.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include <deputy/plugin.hpp>

namespace deputyd::check
{
namespace
{

using clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(120); ///< for one rule
constexpr std::size_t most_output = 4096;
constexpr std::string_view passed = "passed", failed = "failed";

struct ends {
    deputy::unique_fd read, write;
};

ends make_pipe()
{
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0 || ::fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        throw std::system_error(errno, std::system_category(), "pipe");
    }
    return {deputy::unique_fd(fds[0]), deputy::unique_fd(fds[1])};
}

/// What the rule says, in the child.
std::string verdict_of(const rule &r, const subject &s)
{
    const std::string start(failed);
    try {
        r.run(s);
        return std::string(passed);
    } catch (const broken &e) {
        return start + e.what();
    } catch (const std::exception &e) {
        return start + (r.gate ? e.what()
                               : std::string("it threw out of a callback: ") + e.what() +
                                     "; catch everything, as deputy/plugin.hpp does");
    } catch (...) {
        return start + "it threw out of a callback; catch everything, as deputy/plugin.hpp does";
    }
}

[[noreturn]] void be_child(const rule &r, const subject &s, int verdict, int output)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    const std::string text = verdict_of(r, s);
    const ssize_t written = ::write(verdict, text.data(), std::min<std::size_t>(text.size(), most_output));
    ::_exit(written < 0 ? 1 : 0);
}

/// Appends what can be read without waiting, and keeps the end.
void take(int fd, std::string &text)
{
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(n));
        text.erase(0, text.size() > most_output ? text.size() - most_output : 0);
    }
}

struct heard {
    std::string verdict, output;
    bool in_time = true;
};

/// Reads both pipes until the child ends; who else holds them does not matter.
heard listen(const deputy::unique_fd &child, const ends &verdict, const ends &output)
{
    heard h;
    const auto end = clock::now() + patience;
    for (bool running = true, open = true; running;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock::now()).count();
        pollfd all[] = {{child.get(), POLLIN, 0}, {open ? output.read.get() : -1, POLLIN, 0}};
        if (left <= 0 || (::poll(all, 2, static_cast<int>(left)) < 0 && errno != EINTR)) {
            h.in_time = false;
            break;
        }
        running = all[0].revents == 0;
        open = (all[1].revents & POLLHUP) == 0;
        take(output.read.get(), h.output);
    }
    take(output.read.get(), h.output);
    take(verdict.read.get(), h.verdict);
    return h;
}

std::string reason_of(const heard &h, int status)
{
    if (!h.in_time) {
        return fmt::format("it did not come to an end in {} seconds; a handler hangs: use block() or defer()",
                           std::chrono::seconds(patience).count());
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        return "a handler was not back within the host's deadline of 5 seconds; use block() or defer()";
    }
    if (WIFSIGNALED(status)) {
        return fmt::format("it crashed: signal {} ({}); run the rule alone with --only in a debugger",
                           WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    return fmt::format("it ended the process with status {}; a plugin never calls exit()",
                       WEXITSTATUS(status));
}

finding try_rule(const rule &r, const subject &s)
{
    ends verdict = make_pipe(), output = make_pipe();
    const pid_t child = ::fork();
    if (child < 0) {
        throw std::system_error(errno, std::system_category(), "fork");
    }
    if (child == 0) {
        be_child(r, s, verdict.write.get(), output.write.get());
    }
    output.write.reset();
    const deputy::unique_fd ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    const heard h = listen(ended, verdict, output);
    ::kill(child, SIGKILL); // if it hangs
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (h.verdict == passed) {
        return {&r, finding::status::passed, "", h.output};
    }
    const bool said = h.verdict.starts_with(failed);
    return {&r, finding::status::failed, said ? h.verdict.substr(failed.size()) : reason_of(h, status),
            h.output};
}

} // namespace

std::vector<finding> try_rules(const subject &s, std::span<const rule *const> chosen)
{
    std::vector<finding> all;
    const rule *shut = nullptr;
    for (const rule *r : chosen) {
        if (shut != nullptr) {
            all.push_back({r, finding::status::skipped, fmt::format("{} failed", shut->name), ""});
            continue;
        }
        all.push_back(try_rule(*r, s));
        if (r->gate && all.back().how == finding::status::failed) {
            shut = r;
        }
    }
    return all;
}

} // namespace deputyd::check
