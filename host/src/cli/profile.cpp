// SPDX-License-Identifier: Apache-2.0
#include "cli/profile.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/log.hpp"
#include "cli/enable_options.hpp"
#include "cli/repeated.hpp"
#include "notify/host.hpp"
#include "plugin/plugin_directory.hpp"
#include "profile/lint.hpp"
#include "profile/write.hpp"

namespace deputyd
{

struct profile_command::options {
    CLI::App *command = nullptr;
    CLI::App *lint = nullptr;
    enable_options enable;
    std::vector<std::string> plugins;
    std::string plugin_directory = DEPUTY_PLUGIN_DIR;
    std::string format = "oci";
    std::string base = "none";
    std::string socket = "/run/deputy/oci.sock";
    std::string metadata;
    std::string runtime;
    std::string capabilities = "default";
    std::string file;
    bool audit_denied = false;
    bool as_json = false;
};

namespace
{

using profile::finding;
using profile::json;

void print(const std::string &text)
{
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw std::runtime_error("cannot write to standard output");
    }
}

std::optional<profile::runtime> parse_runtime(const std::string &text)
{
    return text.empty() ? std::nullopt : std::optional<profile::runtime>(text);
}

std::string as_json(const std::vector<finding> &all)
{
    json list = json::array();
    for (const finding &f : all) {
        list.push_back({{"check", f.check}, {"where", f.where}, {"reason", f.reason}});
    }
    // What a file has that is not UTF-8 may be in a finding.
    return list.dump(1, '\t', false, json::error_handler_t::replace) + "\n";
}

std::string as_table(const std::vector<finding> &all)
{
    std::size_t check = 0, where = 0;
    for (const finding &f : all) {
        check = std::max(check, f.check.size());
        where = std::max(where, escaped(f.where).size());
    }
    std::string text;
    for (const finding &f : all) {
        const std::string place = escaped(f.where);
        text += f.check + std::string(check - f.check.size() + 2, ' ') + place +
                std::string(where - place.size() + 2, ' ') + escaped(f.reason) + "\n";
    }
    return text;
}

void add_common(CLI::App &app, std::string &runtime, std::string &capabilities)
{
    app.add_option("--runtime", runtime,
                   "The runtime that takes the profile, as runc=1.1.5: what it cannot take is left out")
        ->type_name("NAME=VERSION");
    app.add_option(
           "--caps", capabilities,
           "Capabilities that the container keeps, for conditions of the base: names separated by commas, "
           "default, all or none")
        ->type_name("LIST")
        ->capture_default_str();
}

} // namespace

profile_command::profile_command(CLI::App &app) : options_(std::make_unique<options>())
{
    options &o = *options_;
    o.command = app.add_subcommand(
        "profile", "deputy profile [OPTIONS]: write the seccomp profile that leads a container's calls here");
    CLI::App &c = *o.command;
    c.add_option(
         "--format", o.format,
         "oci: linux.seccomp of runtime-spec, also containerd's; docker: docker's and podman's; lxc: LXC's "
         "version 2")
        ->type_name("oci|docker|lxc")
        ->check(CLI::IsMember({"oci", "docker", "lxc"}))
        ->capture_default_str();
    c.add_option(
         "--base", o.base,
         "The profile that decides all other calls: a file; default: the one that is installed; none: allow "
         "them")
        ->type_name("FILE|none|default")
        ->capture_default_str();
    o.enable.add_to(c);
    repeated(c, "--plugin", o.plugins, "FILE.so", "Load a plugin from a file");
    c.add_option("--plugin-dir", o.plugin_directory, "Where plugins are looked for by name")
        ->type_name("DIR")
        ->capture_default_str();
    c.add_option("--socket", o.socket, "Where deputyd listens")->type_name("PATH")->capture_default_str();
    c.add_option("--metadata", o.metadata, "What the runtime tells deputyd, as policy=NAME")
        ->type_name("TEXT");
    c.add_flag(
        "--audit-denied", o.audit_denied,
        "Hand over what the base denies with an errno: the host answers with the same errno, and logs it");
    add_common(c, o.runtime, o.capabilities);
    o.lint = c.add_subcommand("lint", "deputy profile lint [OPTIONS] FILE: name the traps in a profile");
    o.lint->footer("Exit status: 0 if there is none, 1 if there is one, 125 for errors of deputy itself.");
    o.lint->add_option("FILE", o.file, "A profile of any of the formats, or a container's config.json")
        ->required();
    o.lint->add_flag("--json", o.as_json, "Print a list in JSON");
    add_common(*o.lint, o.runtime, o.capabilities);
}

profile_command::~profile_command() = default;

bool profile_command::is_chosen() const
{
    return options_->command->parsed();
}

int profile_command::run()
{
    const options &o = *options_;
    if (o.lint->parsed()) {
        const std::vector<finding> all =
            profile::lint(profile::read_profile(o.file), profile::circumstances_here(o.capabilities),
                          parse_runtime(o.runtime));
        print(o.as_json ? as_json(all) : as_table(all));
        return all.empty() ? 0 : 1;
    }
    plugin_set plugins(plugin_extensions());
    const std::vector<std::filesystem::path> files(o.plugins.begin(), o.plugins.end());
    load_plugins(plugins, files, o.enable.enabled.plugins(), o.plugin_directory);
    profile::recipe r;
    r.kind = profile::format_by_name(o.format);
    r.base = o.base;
    r.socket = o.socket;
    r.metadata = o.metadata;
    r.where = profile::circumstances_here(o.capabilities);
    r.for_runtime = parse_runtime(o.runtime);
    r.audit_denied = o.audit_denied;
    std::vector<std::string> notes;
    print(profile::write_profile(r, profile::claims(o.enable.enabled.select(plugins)), &notes));
    for (const std::string &note : notes) {
        std::fprintf(stderr, "%s\n", note.c_str());
    }
    return 0;
}

} // namespace deputyd
