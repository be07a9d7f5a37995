// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugin/handler_table.hpp"
#include "plugin/plugin_directory.hpp"
#include "plugin/plugin_set.hpp"
#include "policy/flags.hpp"
#include "policy/policies.hpp"

namespace deputyd
{

/// Whether every plugin and system call that a policy names is known.
/// @throw config_error with the nearest one.
void check_names(const policy &p, const known_plugins &known);

/// Enable flags laid over those of the configuration.
struct flags_over {
    flags everywhere;                       ///< of deputyd's command line, for every policy
    std::map<std::string, flags> by_policy; ///< of "deputy enable", over everything else
};

/// Every handler of the plugins that are loaded, in the order of their plugins' names and of registration, as
/// a policy has it.
std::vector<ruled_handler> ruled_handlers(const policy &p, const flags_over &over, const plugin_set &plugins);

/// The handlers that a policy's own flags turn on.
std::vector<const handler *> enabled_handlers(const policy &p, const plugin_set &plugins);

/// Where it is said that a handler is on or off: "FILE:LINE:COLUMN", an option or a command, or "default"
/// where nobody says anything.
std::string why_on(const policy &p, const flags_over &over, const handler &h);

/// What a policy says of a handler in its table "fail" or "deadline", or nullptr.
const config_node *said_of(const config_node &table, const handler &h);

} // namespace deputyd
