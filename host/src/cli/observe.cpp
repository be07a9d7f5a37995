// SPDX-License-Identifier: Apache-2.0
#include "cli/observe.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/screens.hpp"
#include "cli/terminal.hpp"
#include "control/client.hpp"
#include "daemon/configuration.hpp"
#include "observe/call_report.hpp"

namespace deputyd
{

struct observe_command::options {
    CLI::App *ps = nullptr;
    CLI::App *stats = nullptr;
    CLI::App *top = nullptr;
    CLI::App *trace = nullptr;
    std::string container, syscall;
    bool failed = false;
    std::string socket = std::string(default_socket_directory) + "/" + control_socket_name;
    bool as_json = false;
    double interval = 1;
    unsigned count = 0; ///< 0: until interrupted
};

namespace
{

constexpr const char *containers_path = "/v1/containers";
constexpr const char *statistics_path = "/v1/statistics";

void print(const std::string &text)
{
    fmt::print("{}", text);
    std::fflush(stdout);
}

std::string trace_path(const std::string &container, const std::string &syscall, bool failed)
{
    return fmt::format("/v1/trace?container={}&syscall={}{}", in_url(container), in_url(syscall),
                       failed ? "&failed=1" : "");
}

/// A line of /v1/trace as a person reads it.
std::string trace_text(const std::string &line)
{
    const auto call = nlohmann::json::parse(line, nullptr, false);
    if (const auto dropped = call.value("dropped", std::uint64_t{0}); dropped != 0) {
        return fmt::format("... {} calls are missing here: they came faster than they were read\n", dropped);
    }
    return trace_line(call) + "\n";
}

/// Of a line on a terminal; 0, for any, elsewhere.
std::size_t width_of_output()
{
    return size_of_terminal(STDOUT_FILENO).columns;
}

/// A screen over the one before it, on a terminal; one after the other elsewhere.
void print_screen(const std::string &text, bool is_first)
{
    constexpr const char *clear_all = "\x1b[2J"; // many terminals keep what was there for scrolling back
    if (::isatty(STDOUT_FILENO) == 0) {
        print(text + "\n");
        return;
    }
    print((is_first ? clear_all : "") + frame_text(text, size_of_terminal(STDOUT_FILENO)));
}

} // namespace

observe_command::observe_command(CLI::App &app) : options_(std::make_unique<options>())
{
    options &o = *options_;
    o.ps = app.add_subcommand("ps", "Print the containers that deputyd serves");
    o.stats = app.add_subcommand("stats", "Print what deputyd has counted since it began to serve");
    o.top = app.add_subcommand("top", "Show calls as they come, by container and handler");
    o.trace = app.add_subcommand("trace", "Print calls as they end, as strace does");
    o.trace->add_option("--container", o.container, "Those of this container alone")->type_name("NAME");
    o.trace->add_option("--syscall", o.syscall, "Those of this system call alone, or of one plugin's handler")
        ->type_name("SYSCALL|PLUGIN.SYSCALL");
    o.trace->add_flag("--failed", o.failed, "Those alone that did not do what the caller asked for");
    for (CLI::App *command : {o.ps, o.stats, o.top, o.trace}) {
        command->add_option("--control", o.socket, "The control socket of deputyd")
            ->type_name("SOCKET")
            ->capture_default_str();
        command->add_flag("--json", o.as_json, "Print JSON");
    }
    o.top->add_option("--interval", o.interval, "Seconds between two looks")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.05, 3600.0))
        ->capture_default_str();
    for (CLI::App *command : {o.top, o.trace}) {
        command
            ->add_option("--count", o.count,
                         "End after N screens or calls (default: go on until interrupted)")
            ->type_name("N");
    }
}

observe_command::~observe_command() = default;

bool observe_command::is_chosen() const
{
    const options &o = *options_;
    return o.ps->parsed() || o.stats->parsed() || o.top->parsed() || o.trace->parsed();
}

int observe_command::run() const
{
    const options &o = *options_;
    if (o.ps->parsed()) {
        const auto answer = ask_daemon(o.socket, containers_path);
        print(o.as_json ? answer.dump(2) + "\n" : ps_screen(answer, std::time(nullptr), width_of_output()));
        return 0;
    }
    if (o.stats->parsed()) {
        const auto answer = ask_daemon(o.socket, statistics_path);
        print(o.as_json ? answer.dump(2) + "\n" : stats_screen(answer, width_of_output()));
        return 0;
    }
    if (o.trace->parsed()) {
        trace(o);
        return 0;
    }
    top(o);
    return 0;
}

void observe_command::trace(const options &o)
{
    unsigned calls = 0;
    read_daemon(o.socket, trace_path(o.container, o.syscall, o.failed), [&](const std::string &line) {
        if (o.as_json) {
            print(line + "\n");
        } else {
            print(trace_text(line));
        }
        return o.count == 0 || ++calls < o.count;
    });
}

void observe_command::top(const options &o)
{
    using clock = std::chrono::steady_clock;
    auto before = ask_daemon(o.socket, containers_path);
    auto looked = clock::now();
    for (unsigned n = 0; o.count == 0 || n < o.count; ++n) {
        std::this_thread::sleep_for(std::chrono::duration<double>(o.interval));
        auto after = ask_daemon(o.socket, containers_path);
        const auto now = clock::now();
        if (o.as_json) {
            print(after.dump() + "\n");
        } else {
            print_screen(top_screen(before, after, now - looked, width_of_output()), n == 0);
        }
        before = std::move(after);
        looked = now;
    }
}

} // namespace deputyd
