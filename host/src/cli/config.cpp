// SPDX-License-Identifier: Apache-2.0
#include "cli/config.hpp"

#include <string>

#include <CLI/CLI.hpp>

#include "cli/config_check.hpp"
#include "cli/config_show.hpp"

namespace deputyd
{

struct config_command::options {
    CLI::App *config = nullptr;
    CLI::App *check = nullptr;
    CLI::App *show = nullptr;
    std::string positional, file;
    std::string plugin_directory = DEPUTY_PLUGIN_DIR;
    std::string policy;
    bool as_json = false;

    /// The configuration, and the plugins that it turns on.
    config_check_options checked() const
    {
        config_check_options o;
        const std::string &name = positional.empty() ? file : positional;
        if (!name.empty()) {
            o.config = name;
        }
        o.plugin_directory = plugin_directory;
        return o;
    }
};

config_command::config_command(CLI::App &app) : options_(std::make_unique<options>())
{
    options &o = *options_;
    o.config = app.add_subcommand("config", "deputy config check|show: the configuration of deputyd");
    o.config->require_subcommand(1);
    o.check = o.config->add_subcommand("check", "Say what is wrong with the configuration, or what it has");
    o.show = o.config->add_subcommand(
        "show", "Print the configuration as it counts, with where each value is written");
    o.show->add_option("--policy", o.policy, "This policy alone")->type_name("NAME");
    o.show->add_flag("--json", o.as_json, "Print JSON");
    for (CLI::App *command : {o.check, o.show}) {
        CLI::Option *file =
            command
                ->add_option("--config", o.file,
                             "The file, with conf.d beside it (default: /etc/deputy/deputy.toml)")
                ->type_name("FILE");
        command->add_option("FILE", o.positional, "The same")->excludes(file);
        command->add_option("--plugin-dir", o.plugin_directory, "Where plugins are looked for by name")
            ->type_name("DIR")
            ->capture_default_str();
    }
}

config_command::~config_command() = default;

bool config_command::is_chosen() const
{
    return options_->config->parsed();
}

int config_command::run() const
{
    const options &o = *options_;
    return o.show->parsed() ? config_show(o.checked(), o.policy, o.as_json) : config_check(o.checked());
}

} // namespace deputyd
