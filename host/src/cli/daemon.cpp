// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.hpp"

#include <csignal>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/log.hpp"
#include "cli/enable_options.hpp"
#include "daemon/host_process.hpp"
#include "daemon/keeper.hpp"

namespace deputyd
{
namespace
{

constexpr int wrong_usage = 2;
/// What the keeper starts the host with; the number of the socket between them follows.
constexpr const char *host_option = "--host-of-keeper";

struct daemon_options {
    std::string socket_directory = default_socket_directory;
    std::string plugin_directory = DEPUTY_PLUGIN_DIR;
    std::string config;
    std::string log_level = "info";
    enable_options enable;
    int keeper_socket = -1;
};

void describe(CLI::App &app, daemon_options &o)
{
    app.set_version_flag("--version", "deputyd " DEPUTY_VERSION);
    app.add_option("--socket-dir", o.socket_directory, "Where sockets with a relative path are")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--plugin-dir", o.plugin_directory, "Where plugins are looked for by name")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--config", o.config,
                   "The configuration, with conf.d beside it (default: /etc/deputy/deputy.toml)")
        ->type_name("FILE");
    o.enable.add_to(app, ", in every policy");
    app.add_option("--log-level", o.log_level, "Least level of log lines")
        ->type_name("error|warning|info|debug")
        ->check(CLI::IsMember({"error", "warning", "info", "debug"}))
        ->capture_default_str();
    app.add_option(host_option, o.keeper_socket)->group(""); // internal
}

/// Our options again, for the host.
std::vector<std::string> host_arguments(const daemon_options &o)
{
    std::vector<std::string> all = {
        "--socket-dir", std::filesystem::absolute(o.socket_directory).string(),
        "--plugin-dir", std::filesystem::absolute(o.plugin_directory).string(),
        "--log-level",  o.log_level,
    };
    if (!o.config.empty()) {
        all.insert(all.end(), {"--config", std::filesystem::absolute(o.config).string()});
    }
    const auto flags = o.enable.enabled.arguments();
    all.insert(all.end(), flags.begin(), flags.end());
    all.emplace_back(host_option);
    return all;
}

int run_daemon(const daemon_options &o)
{
    start_log(o.log_level);
    if (o.keeper_socket >= 0) {
        host_options h;
        h.config = o.config.empty() ? standard_config_paths() : config_paths_of(o.config);
        h.socket_directory = o.socket_directory;
        h.plugin_directory = o.plugin_directory;
        h.enabled = o.enable.enabled;
        run_host(h, o.keeper_socket);
    }
    if (geteuid() != 0) {
        throw std::runtime_error(
            "deputyd acts for containers with rights that only root has: run it as root");
    }
    signal(SIGPIPE, SIG_IGN);
    return keeper(host_arguments(o)).run();
}

} // namespace

int daemon_main(int argc, char **argv)
{
    CLI::App app("Serves the privileged system calls of unprivileged containers", "deputyd");
    daemon_options options;
    describe(app, options);
    try {
        start_log("info");
        app.parse(argc, argv);
        return run_daemon(options);
    } catch (const CLI::ParseError &e) {
        return app.exit(e) == 0 ? 0 : wrong_usage;
    } catch (const std::exception &e) {
        log().error("{}", e.what());
        _exit(1); // a host may have threads by now
    }
}

} // namespace deputyd
