// SPDX-License-Identifier: Apache-2.0
#include "cli/control.hpp"

#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "cli/table.hpp"
#include "control/client.hpp"
#include "control/flag_request.hpp"
#include "daemon/configuration.hpp"

namespace deputyd
{

using nlohmann::json;

namespace
{

/// A string of an answer, fit for a terminal.
std::string text_in(const json &object, const char *key)
{
    return escaped(object.at(key).get<std::string>());
}

} // namespace

struct control_command::options {
    CLI::App *enable = nullptr;
    CLI::App *disable = nullptr;
    CLI::App *explain = nullptr;
    std::string policy, handlers, container, syscall;
    std::string socket = std::string(default_socket_directory) + "/" + control_socket_name;
    bool as_json = false;
};

control_command::control_command(CLI::App &app) : options_(std::make_unique<options>())
{
    options &o = *options_;
    o.enable = app.add_subcommand(
        "enable", "deputy enable POLICY LIST: turn handlers of a policy on, as long as deputyd runs");
    o.disable = app.add_subcommand(
        "disable", "deputy disable POLICY LIST: turn handlers of a policy off, as long as deputyd runs");
    o.explain = app.add_subcommand(
        "explain", "deputy explain --container NAME|--policy NAME SYSCALL: who handles a call, and why");
    for (CLI::App *command : {o.enable, o.disable}) {
        command->add_option("POLICY", o.policy, "Name of a policy")->required();
        command->add_option("LIST", o.handlers, "Names separated by commas, each PLUGIN or PLUGIN.SYSCALL")
            ->required();
    }
    CLI::Option *container =
        o.explain->add_option("--container", o.container, "A container that is served, by its name or id")
            ->type_name("NAME");
    o.explain->add_option("--policy", o.policy, "A policy")->type_name("NAME")->excludes(container);
    o.explain->add_option("SYSCALL", o.syscall, "Name of a system call, or PLUGIN.SYSCALL")->required();
    for (CLI::App *command : {o.enable, o.disable, o.explain}) {
        command->add_option("--control", o.socket, "The control socket of deputyd")
            ->type_name("SOCKET")
            ->capture_default_str();
        command->add_flag("--json", o.as_json, "Print JSON");
    }
}

control_command::~control_command() = default;

bool control_command::is_chosen() const
{
    const options &o = *options_;
    return o.enable->parsed() || o.disable->parsed() || o.explain->parsed();
}

int control_command::run() const
{
    const options &o = *options_;
    if (o.explain->parsed()) {
        if (o.container.empty() && o.policy.empty()) {
            throw std::runtime_error("deputy explain needs a container or a policy: --container NAME or "
                                     "--policy NAME");
        }
        const json answer =
            ask_daemon(o.socket, fmt::format("/v1/explain?container={}&policy={}&syscall={}",
                                             in_url(o.container), in_url(o.policy), in_url(o.syscall)));
        fmt::print("{}", o.as_json ? answer.dump(2) + "\n" : explain_text(answer));
        return 0;
    }
    const json answer = tell_daemon(o.socket, "/v1/flags", body_of(o.policy, o.handlers, o.enable->parsed()));
    fmt::print("{}", o.as_json ? answer.dump(2) + "\n" : change_text(answer));
    return 0;
}

std::string change_text(const json &answer)
{
    const std::string policy = answer.at("policy"), handlers = answer.at("handlers");
    const bool on = answer.at("on");
    std::string text = fmt::format("{} {} in policy {}, until deputyd ends; for good: [policy.{}.enable] in "
                                   "/etc/deputy/deputy.toml\n",
                                   handlers, on ? "is on" : "is off", policy, policy);
    for (const json &c : answer.at("unserved")) {
        text += fmt::format("{}: {} {}\n", text_in(c, "container"), c.at("handler").get<std::string>(),
                            text_in(c, "reason"));
    }
    return text;
}

namespace
{

/// What there is to say of a container beyond its policy.
std::string note_of(const json &handler)
{
    if (handler.value("refused", false)) {
        return "its plugin refuses the container";
    }
    return handler.value("led", true) ? "" : "its filter may not lead here";
}

std::string limits_text(const json &limits)
{
    std::string text;
    for (const auto &[key, value] : limits.items()) {
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, value.get<std::int64_t>());
    }
    return text.empty() ? "none" : text;
}

} // namespace

std::string explain_text(const json &answer)
{
    const std::string syscall = text_in(answer, "syscall"), policy = text_in(answer, "policy");
    std::string text = answer.contains("container")
                           ? fmt::format("container {}, policy {}", text_in(answer, "container"), policy)
                           : "policy " + policy;
    text += fmt::format(", mode {}, limits: {}\n", answer.at("mode").get<std::string>(),
                        limits_text(answer.at("limits")));
    if (answer.at("handlers").empty()) {
        return text + fmt::format("no plugin that is loaded handles {}{}: such calls get EPERM if a filter "
                                  "leads them here\n",
                                  syscall, answer.value("nearest", ""));
    }
    std::vector<std::vector<std::string>> rows = {
        {"HANDLER", "WHEN", "STATE", "SAID BY", "DEADLINE", "FAILS WITH", "WHILE OFF", "NOTE"}};
    for (const json &h : answer.at("handlers")) {
        const std::string when = h.at("when");
        rows.push_back({h.at("handler"), when.empty() ? "always" : when, h.at("on") ? "on" : "off",
                        h.at("on_source"), fmt::format("{} ms", h.at("deadline_ms").get<std::int64_t>()),
                        h.at("fail"), h.at("off"), note_of(h)});
    }
    text += table_text("llllllll", rows);
    for (const auto &[plugin, settings] : answer.at("settings").items()) {
        for (const auto &[key, value] : settings.items()) {
            text += fmt::format("{}.{} = {}\n", plugin, key, escaped(value.dump()));
        }
    }
    return text;
}

} // namespace deputyd
