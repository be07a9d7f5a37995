// SPDX-License-Identifier: Apache-2.0
#include "cli/plugin.hpp"

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/plugin_check.hpp"
#include "cli/plugin_list.hpp"
#include "cli/plugin_new.hpp"
#include "cli/repeated.hpp"

namespace deputyd
{

struct plugin_command::options {
    CLI::App *command = nullptr;
    CLI::App *check = nullptr;
    CLI::App *list = nullptr;
    CLI::App *show = nullptr;
    CLI::App *make = nullptr;
    plugin_check_options checked;
    std::string directory = DEPUTY_PLUGIN_DIR;
    std::string name;
    bool as_json = false;
};

namespace
{

void add_directory(CLI::App &app, std::string &directory)
{
    app.add_option("--plugin-dir", directory, "Where plugins are looked for by name")
        ->type_name("DIR")
        ->capture_default_str();
}

} // namespace

plugin_command::plugin_command(CLI::App &app) : options_(std::make_unique<options>())
{
    options &o = *options_;
    o.command = app.add_subcommand("plugin", "deputy plugin check|list|show|new: plugins, for their authors");
    o.command->require_subcommand(1);

    o.check = o.command->add_subcommand(
        "check", "deputy plugin check [OPTIONS] FILE.so...: try plugins against the rules of the interface");
    o.check->footer(
        "Exit status: 0 if no rule is broken, 1 if one is, 2 if a rule or file is not there, 125 for "
        "other errors of deputy itself.");
    o.check->add_option("FILE", o.checked.files, "Plugins");
    repeated(*o.check, "--only", o.checked.only, "RULE", "Try this rule alone, or these");
    o.check
        ->add_option("--seed", o.checked.seed,
                     "Of random calls, to repeat a check (default: another each time)")
        ->type_name("N");
    o.check->add_flag("--rules", o.checked.list_rules, "Print the rules");
    o.check->add_flag("--json", o.checked.as_json, "Print a list in JSON");

    o.list = o.command->add_subcommand("list", "Print the plugins that are installed, and what they handle");
    add_directory(*o.list, o.directory);
    o.list->add_flag("--json", o.as_json, "Print a list in JSON");

    o.show = o.command->add_subcommand("show", "deputy plugin show NAME|FILE.so: print a plugin's settings");
    o.show->add_option("NAME", o.name, "A plugin's name, or its file")->required();
    add_directory(*o.show, o.directory);
    o.show->add_flag("--json", o.as_json, "Print the plugin in JSON, with its settings' schema");

    o.make =
        o.command->add_subcommand("new", "deputy plugin new NAME: write a folder NAME with a plugin to begin "
                                         "with, its test and its build");
    o.make->add_option("NAME", o.name, "1 to 63 bytes of [a-z0-9_], a letter first")->required();
}

plugin_command::~plugin_command() = default;

bool plugin_command::is_chosen() const
{
    return options_->command->parsed();
}

int plugin_command::run()
{
    const options &o = *options_;
    if (o.check->parsed()) {
        return plugin_check(o.checked);
    }
    if (o.list->parsed()) {
        return plugin_list(o.directory, o.as_json);
    }
    if (o.show->parsed()) {
        return plugin_show(o.name, o.directory, o.as_json);
    }
    return plugin_new(o.name);
}

} // namespace deputyd
