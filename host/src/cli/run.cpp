// SPDX-License-Identifier: Apache-2.0
#include "cli/run.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor_limit.hpp"
#include "base/log.hpp"
#include "launch/cgroup.hpp"
#include "launch/container_process.hpp"
#include "launch/fail.hpp"
#include "launch/filter.hpp"
#include "launch/id_range.hpp"
#include "launch/reaper.hpp"
#include "launch/supervise.hpp"
#include "launch/terminal.hpp"
#include "notify/host.hpp"
#include "plugin/handler_table.hpp"
#include "plugin/plugin_directory.hpp"
#include "plugin/plugin_set.hpp"

namespace deputyd
{
namespace
{

constexpr std::uint64_t container_id = 1; // the only one of this process

void check_root()
{
    if (geteuid() != 0) {
        throw std::runtime_error(
            "deputy run makes a container with rights that only root has: run it as root, for "
            "example with sudo");
    }
}

std::vector<std::string> container_environment()
{
    std::vector<std::string> all;
    bool has_path = false;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        const std::string_view e = *entry;
        if (!e.starts_with("HOME=") && !e.starts_with("container=")) {
            all.emplace_back(e);
        }
        has_path = has_path || e.starts_with("PATH=");
    }
    if (!has_path) {
        all.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    }
    all.emplace_back("HOME=/root");
    all.emplace_back("container=oci"); // tells systemd where it is
    return all;
}

child_plan make_plan(const run_options &options, const terminal &tty, const forwarded_signals &signals)
{
    child_plan plan;
    plan.command = options.command;
    plan.environment = container_environment();
    plan.host_tree = !options.files.rootfs;
    plan.host_network = options.files.host_network;
    plan.directory = plan.host_tree ? std::filesystem::current_path().string() : "/";
    plan.terminal = tty.size();
    for (int stream = 0; stream < 3; ++stream) {
        plan.terminal_stream[stream] = plan.terminal && tty.is_stream(stream);
    }
    plan.umask = umask(0);
    umask(plan.umask);
    plan.signal_mask = signals.before();
    must(getrlimit(RLIMIT_NOFILE, &plan.descriptors), "read the limit of descriptors");
    return plan;
}

/// Plugins that know the container, told in the end that it is gone.
class added_plugins
{
public:
    added_plugins() = default;
    ~added_plugins()
    {
        for (auto p = plugins_.rbegin(); p != plugins_.rend(); ++p) {
            (*p)->container_gone(container_id);
        }
    }
    added_plugins(const added_plugins &) = delete;
    added_plugins &operator=(const added_plugins &) = delete;

    void add(loaded_plugin &plugin, const cgroup &group, const container &c, const std::string &json)
    {
        deputy_container added{};
        added.struct_size = sizeof added;
        added.cgroup = group.directory();
        added.id = c.id;
        added.user_ns = c.user_ns;
        added.name = c.name.c_str();
        added.settings = json.c_str();
        added.wait_killable = c.wait_killable ? 1 : 0;
        plugin.container_added(added);
        plugins_.push_back(&plugin);
    }

private:
    std::vector<loaded_plugin *> plugins_;
};

/// What handlers use while they run.
struct served_plugins {
    plugin_set plugins{plugin_extensions()};
    handler_table handlers;
    std::vector<std::pair<loaded_plugin *, std::string>> enabled; ///< with their settings
    added_plugins added;

    explicit served_plugins(const run_options &options)
    {
        load_plugins(plugins, options.plugin_files, options.enabled.plugins(), options.plugin_directory);
        const std::vector<const handler *> selected = options.enabled.select(plugins);
        options.plugin_settings.check_plugins(plugins);
        for (const handler *h : selected) {
            const auto same = [&](const auto &entry) { return entry.first == h->plugin; };
            if (std::none_of(enabled.begin(), enabled.end(), same)) {
                enabled.emplace_back(h->plugin, options.plugin_settings.json(*h->plugin));
            }
        }
        handlers = handler_table(selected);
    }
};

/// Begins to answer the container's calls.
void serve(host &h, served_plugins &kept, const cgroup &group, container_process &process)
{
    deputy::unique_fd listener = process.take_listener();
    check_listener(listener.get());
    const auto c = std::make_shared<container>(container{container_id, "run-" + std::to_string(getpid()),
                                                         process.user_ns(), process.wait_killable()});
    kept.plugins.ready();
    for (const auto &[plugin, json] : kept.enabled) {
        kept.added.add(*plugin, group, *c, json);
    }
    h.serve(c, kept.handlers, std::move(listener));
}

} // namespace

int run(const run_options &options)
{
    check_root();
    auto kept = std::make_unique<served_plugins>(options);
    const bool is_served = !kept->enabled.empty();

    const forwarded_signals signals;
    terminal tty;
    child_plan plan = make_plan(options, tty, signals);
    struct sigaction ignore {
    };
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &plan.pipe_signal);
    if (is_served) {
        plan.filter = make_filter(kept->handlers);
    }

    const id_range ids;
    cgroup group(ids.base());
    const reaper at_any_end(group, ids);
    container_process process(options.files, group, ids.base(), plan);
    raise_descriptor_limit(); // for calls in flight; the container keeps its own limit

    std::optional<host> served; // from here on there may be threads
    if (is_served) {
        host::settings s;
        s.deadlines = options.deadlines;
        served.emplace(s);
        serve(*served, *kept, group, process);
    }
    tty.connect(process.take_terminal());
    process.go();
    const int status = supervise(process, group, signals, tty, options.command.front());
    group.remove();
    if (served) {
        const bool gone = served->wait_gone(container_id, std::chrono::seconds(2));
        served->stop();
        if (!gone) {
            log().warn("a handler has not returned: its plugin is left as it is");
            static_cast<void>(kept.release());
        }
    }
    return status;
}

} // namespace deputyd
