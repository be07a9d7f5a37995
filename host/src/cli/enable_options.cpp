// SPDX-License-Identifier: Apache-2.0
#include "cli/enable_options.hpp"

#include <CLI/CLI.hpp>

#include "cli/repeated.hpp"

namespace deputyd
{

void enable_options::add_to(CLI::App &app, const std::string &note)
{
    repeated(app, "--enable", enable_, "LIST",
             "Turn handlers on; names separated by commas, each PLUGIN or PLUGIN.SYSCALL" + note)
        ->each([this](const std::string &list) { enabled.enable(list); })
        ->trigger_on_parse(); // in the order of the command line
    repeated(app, "--disable", disable_, "LIST", "Turn handlers off again, likewise; the last flag counts")
        ->each([this](const std::string &list) { enabled.disable(list); })
        ->trigger_on_parse();
}

} // namespace deputyd
