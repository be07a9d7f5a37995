// SPDX-License-Identifier: Apache-2.0
// deputy-runtime: an OCI runtime around another, for engines that drop listenerPath from seccomp profiles.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/log.hpp"
#include "notify/host.hpp"
#include "plugin/plugin_directory.hpp"
#include "policy/config_tree.hpp"
#include "policy/handlers.hpp"
#include "policy/policies.hpp"
#include "profile/bundle.hpp"
#include "profile/runtime_arguments.hpp"
#include "profile/supervise_config.hpp"

namespace
{

using namespace deputyd;
using profile::bundle;
using profile::runtime_options;

constexpr const char *help =
    "deputy-runtime [OPTIONS] ARGUMENTS: run an OCI runtime with these arguments; before it makes a "
    "container "
    "that\nasks for deputy, by --deputy-policy or its annotation deputy.policy, lead its calls to deputyd\n\n"
    "  --runtime PATH           The runtime; else $DEPUTY_RUNTIME, else runc or crun in /usr/bin or "
    "/usr/sbin\n"
    "  --deputy-policy NAME     The policy, for every container; before the annotation\n"
    "  --deputy-enable LIST     Handlers, instead of those of the policy in the configuration\n"
    "  --deputy-disable LIST    Turn handlers off again; the last option counts\n"
    "  --deputy-plugin FILE.so  Load a plugin from a file\n"
    "  --deputy-plugin-dir DIR  Where plugins are looked for by name\n"
    "  --deputy-config FILE     The configuration; else /etc/deputy/deputy.toml\n"
    "  --deputy-socket PATH     Where deputyd listens; else /run/deputy/oci.sock\n"
    "  --deputy-help            Print this help\n";

/// A name that metadata can carry.
void check_policy_name(const std::string &name)
{
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    };
    if (name.empty() || name.size() > 63 || !std::all_of(name.begin(), name.end(), fits)) {
        throw std::runtime_error("no name of a policy: " + escaped(name));
    }
}

/// What packages ship, the administrator's file, and the directory beside it; later ones win.
config_node read_configuration(const std::filesystem::path &file)
{
    config_node tree;
    tree.is_table = true;
    merge_directory(tree, "/usr/lib/deputy/conf.d");
    if (std::filesystem::exists(file)) {
        tree.merge(read_toml(file));
    }
    merge_directory(tree, file.parent_path() / "conf.d");
    return tree;
}

std::vector<const handler *> handlers_of_policy(const std::string &name, const runtime_options &o,
                                                plugin_set &plugins)
{
    const policies all(read_configuration(o.configuration));
    const policy *p = all.find(name);
    if (p == nullptr) {
        throw std::runtime_error(
            "there is no policy " + name + " in " + o.configuration.string() +
            " and what is beside it (--deputy-enable says without a configuration what is on)");
    }
    load_plugins(plugins, o.plugins, p->plugins(), o.plugin_directory);
    check_names(*p, installed_plugins(plugins, o.plugin_directory));
    return enabled_handlers(*p, plugins);
}

void supervise_bundle(bundle &b, const std::string &policy, const runtime_options &o)
{
    check_policy_name(policy);
    plugin_set plugins(plugin_extensions());
    std::vector<const handler *> handlers;
    if (o.names_handlers) {
        load_plugins(plugins, o.plugins, o.enabled.plugins(), o.plugin_directory);
        handlers = o.enabled.select(plugins);
    } else {
        handlers = handlers_of_policy(policy, o, plugins);
    }
    profile::json config = b.config();
    profile::supervise(config, profile::claims(handlers), o.socket, policy);
    b.replace(config);
}

/// Says where engines look for it, too, why there is no container.
void log_failure(const profile::runtime_request &request, const std::string &reason)
{
    const deputy::unique_fd file(
        request.log.empty() ? -1
                            : ::open(request.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file) {
        return; // standard error has it
    }
    const std::string text = "deputy-runtime: " + reason;
    const profile::json entry = {{"level", "error"}, {"msg", text}};
    const std::string line =
        (request.log_is_json ? entry.dump(-1, ' ', false, profile::json::error_handler_t::replace) : text) +
        "\n";
    [[maybe_unused]] const ssize_t written = ::write(file.get(), line.data(), line.size());
}

/// Edits the container's configuration if the container, or an option, asks for it.
void prepare(const profile::runtime_request &request, const runtime_options &o)
{
    if (!request.makes_container()) {
        return;
    }
    if (request.names_config) {
        throw std::runtime_error("crun's option --config is not understood here: name the file config.json");
    }
    std::optional<bundle> b = bundle::open(request.bundle);
    if (!b) {
        return;
    }
    const std::optional<std::string> asked =
        o.policy.empty() ? b->annotation("deputy.policy") : std::optional<std::string>(o.policy);
    if (asked) {
        supervise_bundle(*b, *asked, o);
    }
}

} // namespace

int main(int argc, char **argv)
{
    profile::runtime_request request;
    try {
        start_log("info");
        const std::vector<std::string> all(argv + 1, argv + argc);
        const runtime_options o = profile::own_options(all, DEPUTY_PLUGIN_DIR);
        if (o.help) {
            std::fputs(help, stdout);
            return 0;
        }
        const auto own = static_cast<std::ptrdiff_t>(o.count);
        request = profile::understand(std::span(all).subspan(o.count));
        const std::string runtime = profile::find_runtime(o.runtime);
        prepare(request, o);
        std::vector<char *> arguments = {const_cast<char *>(runtime.c_str())};
        arguments.insert(arguments.end(), argv + 1 + own, argv + argc);
        arguments.push_back(nullptr);
        ::execv(runtime.c_str(), arguments.data());
        throw std::runtime_error("cannot execute " + runtime + ": " + std::strerror(errno));
    } catch (const std::exception &e) {
        std::fprintf(stderr, "deputy-runtime: %s\n", e.what());
        log_failure(request, e.what());
        return 125;
    }
}
