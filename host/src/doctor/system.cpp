// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/mount_table.hpp"
#include "control/client.hpp"
#include "doctor/finding.hpp"
#include "notify/host.hpp"
#include "plugin/plugin_set.hpp"
#include "profile/runtime.hpp"

namespace deputyd::doctor
{
namespace
{

using state = finding::state;
namespace fs = std::filesystem;

/// A runtime's program, and the words before its version in what it prints.
struct program {
    const char *name; ///< as profile::runtime has it
    const char *command;
    const char *before;
};

constexpr program programs[] = {
    {"runc", "runc --version", "runc version "},           {"crun", "crun --version", "crun version "},
    {"youki", "youki --version", "youki version "},        {"podman", "podman --version", "podman version "},
    {"containerd", "containerd --version", "containerd "}, {"docker", "dockerd --version", "Docker version "},
    {"cri-o", "crio --version", "crio version "},
};

/// What a command prints; nothing if it is not there.
std::optional<std::string> output_of(const std::string &command)
{
    const std::unique_ptr<FILE, int (*)(FILE *)> pipe(::popen((command + " 2>/dev/null").c_str(), "re"),
                                                      ::pclose);
    if (!pipe) {
        return std::nullopt;
    }
    std::string text;
    std::array<char, 256> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
        text += buffer.data();
    }
    return text.empty() ? std::nullopt : std::optional(text);
}

/// The version behind the words, up to a blank or comma.
std::string version_in(std::string_view text, std::string_view before)
{
    const auto at = text.find(before);
    if (at == text.npos) {
        return "";
    }
    text.remove_prefix(at + before.size());
    const auto digit = text.find_first_of("0123456789");
    text.remove_prefix(std::min(digit, text.size()));
    return std::string(text.substr(0, text.find_first_of(" ,\n")));
}

finding of_runtime(const program &p, const std::string &version)
{
    const std::string name = fmt::format("{} {}", p.name, escaped(version));
    const profile::runtime r(fmt::format("{}={}", p.name, version));
    if (!r.keeps_listener()) {
        return {state::warning, "runtime", name + " drops seccomp listeners",
                "use deputy-runtime(8) as its runtime, or a later version"};
    }
    const auto flags = r.flags();
    if (flags && std::find(flags->begin(), flags->end(), profile::wait_killable) == flags->end()) {
        return {state::warning, "runtime", name + " refuses WAIT_KILLABLE_RECV in profiles",
                "write its profiles with deputy profile --runtime, which leaves that out: a signal may then "
                "take the answer from a call"};
    }
    return {state::good, "runtime", name, ""};
}

} // namespace

std::vector<finding> look_at_cgroups()
{
    const auto mounts = mount_table();
    const auto found =
        std::find_if(mounts.begin(), mounts.end(), [](const mount_entry &m) { return m.type == "cgroup2"; });
    if (found == mounts.end()) {
        return {{state::bad, "cgroup", "no cgroup2 hierarchy is mounted",
                 "device programs need one: mount -t cgroup2 none /sys/fs/cgroup, or boot with "
                 "systemd.unified_cgroup_hierarchy=1"}};
    }
    const bool hybrid =
        std::any_of(mounts.begin(), mounts.end(), [](const mount_entry &m) { return m.type == "cgroup"; });
    std::vector<finding> all = {{state::good, "cgroup", "cgroup2 at " + escaped(found->point), ""}};
    if (hybrid) {
        all.push_back(
            {state::warning, "cgroup", "version 1 hierarchies are mounted too",
             "containers that use the devices controller of version 1 are not helped by "
             "bpf_cgroup_device; boot with systemd.unified_cgroup_hierarchy=1 if nothing needs them"});
    }
    return all;
}

std::vector<finding> look_at_runtimes()
{
    std::vector<finding> all;
    for (const program &p : programs) {
        const auto text = output_of(p.command);
        const std::string version = text ? version_in(*text, p.before) : "";
        if (!version.empty()) {
            all.push_back(of_runtime(p, version));
        }
    }
    if (const auto text = output_of("lxc-start --version")) {
        all.push_back({state::good, "runtime", "LXC " + escaped(version_in(*text, "")), ""});
    }
    if (all.empty()) {
        all.push_back(
            {state::warning, "runtime", "no container runtime is found",
             "deputy run needs none; deputyd serves runc, crun, podman, containerd, docker and LXC"});
    }
    return all;
}

std::vector<finding> look_at_daemon(const places &p)
{
    std::vector<finding> all;
    if (::geteuid() != 0) {
        all.push_back(
            {state::warning, "deputyd", "this is not root", "run deputy doctor as root to see all"});
    }
    const fs::path control = p.socket_directory / control_socket_name;
    try {
        const auto answer = ask_daemon(control, "/v1/statistics");
        const std::string version = answer.value("version", "");
        all.push_back({state::good, "deputyd",
                       fmt::format("version {} serves {} containers", escaped(version),
                                   answer.value("containers", std::size_t{0})),
                       ""});
        if (version != DEPUTY_VERSION) {
            all.push_back({state::warning, "deputyd", "another version than this program's " DEPUTY_VERSION,
                           "replace the host: systemctl reload-or-restart deputyd, or SIGUSR1 to deputyd"});
        }
    } catch (const std::exception &e) {
        all.push_back({state::warning, "deputyd", e.what(),
                       "systemctl enable --now deputyd.socket deputyd; deputy run works without it"});
    }
    return all;
}

std::vector<finding> look_at_configuration(const places &p)
try {
    const configuration config = read_configuration(p.config, p.socket_directory);
    plugin_set plugins(plugin_extensions());
    load_enabled(plugins, *config.rules, {}, p.plugin_directory);
    check_policies(*config.rules, plugins);
    std::vector<finding> all = {{state::good, "configuration",
                                 fmt::format("policies: {}", fmt::join(config.rules->names(), ", ")), ""}};
    if (config.sockets.empty()) {
        all.push_back({state::warning, "configuration", "it has no socket",
                       "runtimes hand containers over through one; see deputy.toml(5)"});
    }
    for (const auto &socket : config.sockets) {
        const bool is_there = fs::exists(socket.path);
        all.push_back({is_there ? state::good : state::warning, "configuration",
                       fmt::format("socket {}", escaped(socket.path.string())),
                       is_there ? "" : "it is not there: deputyd makes it when it starts"});
    }
    return all;
} catch (const std::exception &e) {
    return {{state::bad, "configuration", escaped(e.what()), "deputyd does not start with it; correct it"}};
}

std::vector<finding> look_at_plugins(const places &p)
{
    std::vector<finding> all;
    std::error_code failed;
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(p.plugin_directory, failed)) {
        if (entry.path().extension() == ".so") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const fs::path &file : files) {
        try {
            const opened_plugin plugin = open_plugin(file);
            all.push_back({state::good, "plugin",
                           fmt::format("{} {}", plugin.about.name, escaped(plugin.about.version)), ""});
        } catch (const std::exception &e) {
            all.push_back({state::bad, "plugin", escaped(e.what()),
                           "policies that enable it are refused; deputy plugin check says more"});
        }
    }
    if (all.empty()) {
        all.push_back({state::warning, "plugin", fmt::format("none in {}", p.plugin_directory.string()),
                       "look elsewhere with --plugin-dir"});
    }
    return all;
}

} // namespace deputyd::doctor
