// SPDX-License-Identifier: Apache-2.0
#include "profile/runtime_arguments.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace deputyd::profile
{
namespace
{

/// Options of runtimes before the command that take a value as the next argument.
constexpr std::string_view global_with_value[] = {
    "--root", "-r", "-l", "--log-level", "--criu", "--rootless", "--cgroup-manager", "--systemd-log-level"};

/// The value of option at arguments[at] if that is one of the names, moving at to its last argument.
std::optional<std::string> value_of(std::span<const std::string> arguments, std::size_t &at,
                                    std::initializer_list<std::string_view> names)
{
    const std::string_view text = arguments[at];
    for (const std::string_view name : names) {
        if (text == name) {
            if (at + 1 == arguments.size()) {
                return std::nullopt;
            }
            return arguments[++at];
        }
        if (text.starts_with(name) && text.size() > name.size() && text[name.size()] == '=') {
            return std::string(text.substr(name.size() + 1));
        }
    }
    return std::nullopt;
}

/// Go's options may have one dash.
bool is_global_with_value(std::string_view argument)
{
    const std::string two = argument.starts_with("--") ? std::string(argument) : "-" + std::string(argument);
    return std::any_of(std::begin(global_with_value), std::end(global_with_value),
                       [&](std::string_view name) { return argument == name || two == name; });
}

/// Whether an argument is one of ours. --runtime is no option of any runtime.
bool is_own(std::string_view argument)
{
    return argument.starts_with("--deputy-") || argument == "--runtime" || argument.starts_with("--runtime=");
}

void take(runtime_options &o, const std::string &name, const std::string &value)
{
    if (name == "--runtime") {
        o.runtime = value;
    } else if (name == "--deputy-policy") {
        o.policy = value;
    } else if (name == "--deputy-enable") {
        o.enabled.enable(value);
        o.names_handlers = true;
    } else if (name == "--deputy-disable") {
        o.enabled.disable(value);
        o.names_handlers = true;
    } else if (name == "--deputy-plugin") {
        o.plugins.emplace_back(value);
    } else if (name == "--deputy-plugin-dir") {
        o.plugin_directory = value;
    } else if (name == "--deputy-config") {
        o.configuration = value;
    } else if (name == "--deputy-socket") {
        o.socket = value;
    } else {
        throw std::runtime_error("there is no option " + name + ": see deputy-runtime --deputy-help");
    }
}

} // namespace

runtime_options own_options(std::span<const std::string> arguments,
                            const std::filesystem::path &plugin_directory)
{
    runtime_options o;
    o.plugin_directory = plugin_directory;
    std::size_t at = 0;
    for (; at < arguments.size() && is_own(arguments[at]); ++at) {
        const std::string &text = arguments[at];
        if (text == "--deputy-help") {
            o.help = true;
            continue;
        }
        const std::size_t equals = text.find('=');
        if (equals != std::string::npos) {
            take(o, text.substr(0, equals), text.substr(equals + 1));
        } else if (at + 1 < arguments.size()) {
            take(o, text, arguments[++at]);
        } else {
            throw std::runtime_error("option " + text + " needs a value");
        }
    }
    o.count = at;
    return o;
}

runtime_request understand(std::span<const std::string> arguments)
{
    runtime_request r;
    std::size_t at = 0;
    for (; at < arguments.size() && arguments[at].starts_with('-'); ++at) {
        if (const auto file = value_of(arguments, at, {"--log", "-log"})) {
            r.log = *file;
        } else if (const auto form = value_of(arguments, at, {"--log-format", "-log-format"})) {
            r.log_is_json = *form == "json";
        } else {
            at += is_global_with_value(arguments[at]) ? 1 : 0;
        }
    }
    if (at >= arguments.size()) {
        return r;
    }
    r.command = arguments[at++];
    if (!r.makes_container()) {
        return r;
    }
    for (; at < arguments.size(); ++at) {
        if (arguments[at] == "--") {
            break;
        }
        if (const auto value = value_of(arguments, at, {"--bundle", "-bundle", "-b"})) {
            r.bundle = *value;
        } else if (value_of(arguments, at, {"--config", "-config", "-f"})) {
            r.names_config = true;
        } else if (arguments[at].starts_with("-b") && arguments[at].size() > 2 && arguments[at][2] == '/') {
            r.bundle = arguments[at].substr(2); // crun's short form
        }
    }
    return r;
}

std::string find_runtime(const std::string &named)
{
    std::string path = named;
    if (const char *variable = std::getenv("DEPUTY_RUNTIME"); path.empty() && variable != nullptr) {
        path = variable;
    }
    if (path.empty()) {
        for (const char *installed : {"/usr/bin/runc", "/usr/sbin/runc", "/usr/bin/crun", "/usr/sbin/crun"}) {
            if (::access(installed, X_OK) == 0) {
                path = installed;
                break;
            }
        }
    }
    if (path.empty()) {
        throw std::runtime_error("neither runc nor crun is in /usr/bin or /usr/sbin: name the runtime with "
                                 "--runtime PATH");
    }
    if (!path.starts_with('/')) {
        throw std::runtime_error("the runtime must be an absolute path: " + path);
    }
    std::error_code failed;
    if (std::filesystem::equivalent(path, "/proc/self/exe", failed) && !failed) {
        throw std::runtime_error(path + " is deputy-runtime itself: name the runtime with --runtime PATH");
    }
    return path;
}

} // namespace deputyd::profile
