// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "cli/table.hpp"
#include "doctor/finding.hpp"

namespace deputyd
{

struct doctor_command::options {
    CLI::App *command = nullptr;
    std::string config, socket_directory = default_socket_directory, plugin_directory = DEPUTY_PLUGIN_DIR;
    bool as_json = false;
};

namespace
{

using doctor::finding;

const char *word(finding::state how)
{
    switch (how) {
    case finding::state::good:
        return "good";
    case finding::state::warning:
        return "warning";
    default:
        return "bad";
    }
}

std::vector<finding> look_at_all(const doctor::places &p)
{
    std::vector<finding> all;
    for (auto part :
         {doctor::look_at_kernel(), doctor::look_at_cgroups(), doctor::look_at_runtimes(),
          doctor::look_at_daemon(p), doctor::look_at_configuration(p), doctor::look_at_plugins(p)}) {
        std::move(part.begin(), part.end(), std::back_inserter(all));
    }
    return all;
}

void print_json(const std::vector<finding> &all)
{
    auto list = nlohmann::json::array();
    for (const finding &f : all) {
        list.push_back({{"state", word(f.how)}, {"area", f.area}, {"what", f.what}, {"remedy", f.remedy}});
    }
    fmt::print("{}\n", json_text(list, 2));
}

/// A remedy stands below what it is for.
void print_text(const std::vector<finding> &all)
{
    std::vector<std::vector<std::string>> lines;
    for (const finding &f : all) {
        lines.push_back({word(f.how), f.area, f.what});
        if (!f.remedy.empty()) {
            lines.push_back({"", "", "  " + f.remedy});
        }
    }
    fmt::print("{}", table_text("lll", lines));
}

} // namespace

doctor_command::doctor_command(CLI::App &app) : options_(std::make_unique<options>())
{
    options &o = *options_;
    o.command =
        app.add_subcommand("doctor", "Say whether this machine has what deputy needs, and what to do");
    o.command->footer("Exit status: 0 if nothing is bad, 1 if something is.");
    o.command
        ->add_option("--config", o.config,
                     "The configuration, with conf.d beside it (default: /etc/deputy/deputy.toml)")
        ->type_name("FILE");
    o.command->add_option("--socket-dir", o.socket_directory, "Where sockets with a relative path are")
        ->type_name("DIR")
        ->capture_default_str();
    o.command->add_option("--plugin-dir", o.plugin_directory, "Where plugins are looked for by name")
        ->type_name("DIR")
        ->capture_default_str();
    o.command->add_flag("--json", o.as_json, "Print a list in JSON");
}

doctor_command::~doctor_command() = default;

bool doctor_command::is_chosen() const
{
    return options_->command->parsed();
}

int doctor_command::run() const
{
    const options &o = *options_;
    doctor::places p;
    p.config = o.config.empty() ? standard_config_paths() : config_paths_of(o.config);
    p.socket_directory = o.socket_directory;
    p.plugin_directory = o.plugin_directory;
    const std::vector<finding> all = look_at_all(p);
    if (o.as_json) {
        print_json(all);
    } else {
        print_text(all);
    }
    const bool is_bad =
        std::any_of(all.begin(), all.end(), [](const finding &f) { return f.how == finding::state::bad; });
    return is_bad ? 1 : 0;
}

} // namespace deputyd
