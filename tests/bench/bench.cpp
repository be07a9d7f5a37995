// SPDX-License-Identifier: Apache-2.0
// Times one intercepted call, in the caller: answered by a bare loop and by the host; a device program
// loaded, files opened and nodes made, natively and through the host. Repetitions are interleaved and the
// medians compared.
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "bare_supervisor.hpp"
#include "base/log.hpp"
#include "notify/host.hpp"
#include "plugin/plugin_set.hpp"
#include "supervised_child.hpp"

namespace
{

using deputy_bench::supervised_child;
using deputy_bench::work;

/// Loads stay far below the pace that the plugin holds, and below what a kernel's deferred freeing of
/// programs digests: a hundred, then a pause.
constexpr std::uint32_t loads = 100;
constexpr auto pause_after_loads = std::chrono::milliseconds(300);
constexpr std::uint32_t calls = 100'000;
constexpr std::uint32_t opens = 5'000;
constexpr std::uint32_t nodes = 8'000;

/// A cgroup for the plugin's container, removed at the end.
class bench_cgroup
{
public:
    bench_cgroup()
    {
        for (const char *root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            if (access((std::string(root) + "/cgroup.controllers").c_str(), F_OK) == 0) {
                path_ = std::string(root) + "/deputy-bench-" + std::to_string(getpid());
            }
        }
        if (mkdir(path_.c_str(), 0755) != 0) {
            throw std::system_error(errno, std::system_category(), "cgroup " + path_);
        }
        fd_ = deputy::unique_fd(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    ~bench_cgroup() { rmdir(path_.c_str()); }
    bench_cgroup(const bench_cgroup &) = delete;
    bench_cgroup &operator=(const bench_cgroup &) = delete;
    int fd() const { return fd_.get(); }

private:
    std::string path_;
    deputy::unique_fd fd_;
};

/// Settings of the plugin open.
const std::string rules = std::string(R"({"rules": [{"path": ")") + deputy_bench::granted_file +
                          R"(", "from": "host", "access": "rw"}, {"path": ")" + deputy_bench::granted_device +
                          R"(", "from": "host", "access": "rw"}]})";

/// The host with all of its plugins, serving a child.
class served_child
{
public:
    served_child()
    {
        plugins_.load(DEPUTY_TEST_PLUGINS_DIR "/no_op.so");
        plugins_.load(DEPUTY_PLUGINS_DIR "/bpf_cgroup_device.so");
        plugins_.load(DEPUTY_PLUGINS_DIR "/mknod.so");
        plugins_.load(DEPUTY_PLUGINS_DIR "/open.so");
        plugins_.ready();
        std::vector<const deputyd::handler *> all;
        for (const auto &plugin : plugins_.all()) {
            for (const auto &h : plugin->handlers()) {
                all.push_back(h.get());
            }
            const std::string settings = plugin->name() == "open" ? rules : "{}";
            plugin->container_added({sizeof(deputy_container), cgroup_.fd(), 1, child.user_ns(), "bench",
                                     settings.c_str(), 1, 0});
        }
        table_ = deputyd::handler_table(all);
        auto container = std::make_shared<deputyd::container>();
        container->id = 1;
        container->name = "bench";
        container->user_ns = child.user_ns();
        container->wait_killable = true;
        host_.emplace(deputyd::host::settings{});
        host_->serve(std::move(container), table_, child.take_listener());
    }

    supervised_child child;

private:
    bench_cgroup cgroup_;
    deputyd::plugin_set plugins_{deputyd::plugin_extensions()};
    deputyd::handler_table table_;
    std::optional<deputyd::host> host_;
};

/// The same child under the bare loop.
class bare_child
{
public:
    bare_child() : child_(std::make_unique<supervised_child>()), supervisor_(child_->take_listener()) {}
    ~bare_child() { child_.reset(); } // the supervisor ends with it
    bare_child(const bare_child &) = delete;
    bare_child &operator=(const bare_child &) = delete;
    supervised_child &child() { return *child_; }

private:
    std::unique_ptr<supervised_child> child_;
    deputy_bench::bare_supervisor supervisor_;
};

served_child &served()
{
    static served_child s;
    return s;
}

bare_child &bare()
{
    static bare_child b;
    return b;
}

template <class Each> void measure(benchmark::State &state, const Each &each, bool is_load)
{
    for (auto _ : state) {
        state.SetIterationTime(each().count());
        if (is_load) {
            std::this_thread::sleep_for(pause_after_loads);
        }
    }
}

void bare_call(benchmark::State &state)
{
    measure(
        state, [] { return bare().child().each(work::getppid, calls); }, false);
}
void host_call(benchmark::State &state)
{
    measure(
        state, [] { return served().child.each(work::getppid, calls); }, false);
}
template <work w> void native_load(benchmark::State &state)
{
    measure(
        state, [] { return deputy_bench::each_natively(w, loads); }, true);
}
template <work w> void host_load(benchmark::State &state)
{
    measure(
        state, [] { return served().child.each(w, loads); }, true);
}

template <work w> void native_open(benchmark::State &state)
{
    measure(
        state, [] { return deputy_bench::each_natively(w, opens); }, false);
}
template <work w> void host_open(benchmark::State &state)
{
    measure(
        state, [] { return served().child.each(w, opens); }, false);
}

void native_mknod(benchmark::State &state)
{
    measure(
        state, [] { return deputy_bench::each_natively(work::mknod, nodes); }, false);
}
template <std::uint32_t callers> void host_mknod(benchmark::State &state)
{
    measure(
        state, [] { return served().child.each(work::mknod, nodes, callers); }, false);
}

/// Keeps the medians beside what the console shows.
class medians : public benchmark::ConsoleReporter
{
public:
    void ReportRuns(const std::vector<Run> &runs) override
    {
        ConsoleReporter::ReportRuns(runs);
        for (const auto &run : runs) {
            if (run.aggregate_name == "median") {
                by_name_[run.run_name.function_name] = run.GetAdjustedRealTime();
            }
        }
    }
    double of(const char *name) const { return by_name_.at(name); }

private:
    std::map<std::string, double> by_name_;
};

void row(const char *what, double measured, double against, const char *aim)
{
    std::printf("%-44s %8.2f us %8.2f us %6.2f  (aim: at most %s)\n", what, measured, against,
                measured / against, aim);
}

void compare(const medians &m)
{
    utsname name{};
    uname(&name);
    std::printf("\nLinux %s, %ld cores; medians\n%-44s %11s %11s %6s\n", name.release,
                sysconf(_SC_NPROCESSORS_ONLN), "", "deputy", "against", "ratio");
    const double bare = m.of("bare_call");
    row("call, no-op handler / bare loop", m.of("host_call"), bare, "1.10");
    row("PROG_LOAD, 11 rules / bare loop + native", m.of("host_load_11"), bare + m.of("native_load_11"), "2");
    row("PROG_LOAD, 64 in a line / bare loop + native", m.of("host_load_line"),
        bare + m.of("native_load_line"), "2");
    row("open, no rule / bare loop + native", m.of("host_open_other"), bare + m.of("native_open_other"), "-");
    row("open of a file by rule / bare loop + native", m.of("host_open_file"),
        bare + m.of("native_open_file"), "-");
    row("open of a device by rule / bare loop + native", m.of("host_open_device"),
        bare + m.of("native_open_device"), "-");
    row("mknodat and unlinkat / bare loop + native", m.of("host_mknod_1"), bare + m.of("native_mknod"), "3");
    for (const char *name : {"host_mknod_1", "host_mknod_4", "host_mknod_16"}) {
        std::printf("%-44s %8.0f a second\n", name, 1e6 / m.of(name));
    }
}

} // namespace

int main(int argc, char **argv)
{
    deputyd::start_log("warning");
    const deputy_bench::node_directory made_here;
    const std::pair<const char *, void (*)(benchmark::State &)> all[] = {
        {"bare_call", bare_call},
        {"host_call", host_call},
        {"native_load_11", native_load<work::load_11>},
        {"host_load_11", host_load<work::load_11>},
        {"native_load_line", native_load<work::load_line>},
        {"host_load_line", host_load<work::load_line>},
        {"native_open_other", native_open<work::open_other>},
        {"host_open_other", host_open<work::open_other>},
        {"native_open_file", native_open<work::open_file>},
        {"host_open_file", host_open<work::open_file>},
        {"native_open_device", native_open<work::open_device>},
        {"host_open_device", host_open<work::open_device>},
        {"native_mknod", native_mknod},
        {"host_mknod_1", host_mknod<1>},
        {"host_mknod_4", host_mknod<4>},
        {"host_mknod_16", host_mknod<16>},
    };
    for (const auto &[name, run] : all) {
        benchmark::RegisterBenchmark(name, run)->UseManualTime()->Iterations(1)->Repetitions(15)->Unit(
            benchmark::kMicrosecond);
    }
    std::vector<char *> arguments(argv, argv + argc);
    std::string interleave = "--benchmark_enable_random_interleaving=true";
    std::string aggregates = "--benchmark_display_aggregates_only=true";
    arguments.insert(arguments.end(), {interleave.data(), aggregates.data()});
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    medians reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    compare(reporter);
    return 0;
}
