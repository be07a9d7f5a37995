// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/log.hpp"
#include "cli/config.hpp"
#include "cli/control.hpp"
#include "cli/doctor.hpp"
#include "cli/enable_options.hpp"
#include "cli/observe.hpp"
#include "cli/plugin.hpp"
#include "cli/profile.hpp"
#include "cli/repeated.hpp"
#include "cli/run.hpp"

namespace deputyd
{
namespace
{

/// What the command line holds, before it is checked.
struct raw_options {
    enable_options enable;
    std::vector<std::string> set, binds, plugins;
    std::string rootfs;
    std::string net = "none";
    std::string plugin_directory = DEPUTY_PLUGIN_DIR;
    std::string log_level = "info";
    bool no_deadline = false;
};

void describe(CLI::App &run, raw_options &raw)
{
    raw.enable.add_to(run, ". Nothing is on unless enabled");
    repeated(run, "--set", raw.set, "PLUGIN.KEY=VALUE", "A setting of a plugin; VALUE is TOML");
    run.add_option(
           "--rootfs", raw.rootfs,
           "Use DIR as the root directory, with its owners mapped to the container's ids; without it the "
           "host's tree is there, read-only")
        ->type_name("DIR");
    repeated(
        run, "--bind", raw.binds, "SRC:DST[:ro]",
        "Show SRC at DST; the container's root owns there what root owns, where SRC's file system supports "
        "idmapped mounts. DST is made where it is missing");
    run.add_option("--net", raw.net, "none: only a loopback interface of its own; host: the host's network")
        ->type_name("none|host")
        ->check(CLI::IsMember({"none", "host"}))
        ->capture_default_str();
    repeated(run, "--plugin", raw.plugins, "FILE.so", "Load a plugin from a file");
    run.add_option("--plugin-dir", raw.plugin_directory, "Where plugins are looked for by name")
        ->type_name("DIR")
        ->capture_default_str();
    run.add_option("--log-level", raw.log_level, "Least level of log lines")
        ->type_name("error|warning|info|debug")
        ->check(CLI::IsMember({"error", "warning", "info", "debug"}))
        ->capture_default_str();
    run.add_flag("--no-deadline", raw.no_deadline, "Let handlers take as long as they want, for debuggers");
}

run_options checked(const raw_options &raw, std::vector<std::string> command)
{
    run_options o;
    o.enabled = raw.enable.enabled;
    for (const std::string &assignment : raw.set) {
        o.plugin_settings.set(assignment);
    }
    for (const std::string &bind : raw.binds) {
        o.files.binds.push_back(parse_bind(bind));
    }
    if (!raw.rootfs.empty()) {
        o.files.rootfs = raw.rootfs;
    }
    o.files.host_network = raw.net == "host";
    o.plugin_files.assign(raw.plugins.begin(), raw.plugins.end());
    o.plugin_directory = raw.plugin_directory;
    o.log_level = raw.log_level;
    o.deadlines = !raw.no_deadline;
    o.command = std::move(command);
    if (o.command.empty()) {
        throw std::runtime_error("deputy run needs a command: deputy run [OPTIONS] -- CMD...");
    }
    return o;
}

/// A closed standard stream would be the number of some descriptor of ours, and the container gets those.
void fill_standard_streams()
{
    while (true) {
        const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd > 2) {
            close(fd);
        }
        if (fd < 0 || fd > 2) {
            return;
        }
        fcntl(fd, F_SETFD, 0);
    }
}

} // namespace

int deputy_main(int argc, char **argv)
{
    CLI::App app("Supplies privileged system calls to unprivileged containers", "deputy");
    app.set_version_flag("--version", "deputy " DEPUTY_VERSION);
    app.require_subcommand(1);
    CLI::App *run_command = app.add_subcommand(
        "run", "deputy run [OPTIONS] -- CMD...: run a command as root of a new unprivileged container");
    run_command->footer(
        "Exit status: that of CMD, 128+N if signal N ended it, 127 if it was not found, 126 if it "
        "could not be executed, 125 for errors of deputy itself.");
    run_command->prefix_command();
    const config_command config(app);
    raw_options raw;
    describe(*run_command, raw);
    profile_command profile(app);
    plugin_command plugin(app);
    const observe_command observe(app);
    const doctor_command doctor(app);
    const control_command control(app);
    try {
        fill_standard_streams();
        start_log("info");
        // CLI11 would still read options of its own behind "--".
        char **const end = argv + argc;
        char **const dashes = std::find(argv, end, std::string_view("--"));
        app.parse(static_cast<int>(dashes - argv), argv);
        if (profile.is_chosen()) {
            return profile.run();
        }
        if (plugin.is_chosen()) {
            return plugin.run();
        }
        if (config.is_chosen()) {
            return config.run();
        }
        if (control.is_chosen()) {
            return control.run();
        }
        if (doctor.is_chosen()) {
            return doctor.run();
        }
        if (observe.is_chosen()) {
            return observe.run();
        }
        std::vector<std::string> command = run_command->remaining();
        if (!command.empty() && command.front().starts_with('-')) {
            throw std::runtime_error("deputy run has no option " + command.front() +
                                     ": see deputy run --help");
        }
        command.insert(command.end(), dashes + (command.empty() && dashes != end ? 1 : 0), end);
        const run_options options = checked(raw, std::move(command));
        start_log(options.log_level);
        return run(options);
    } catch (const CLI::ParseError &e) {
        return app.exit(e) == 0 ? 0 : status_error;
    } catch (const std::exception &e) {
        log().error("{}", e.what());
        return status_error;
    }
}

} // namespace deputyd
