// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "intake/policy_match.hpp"
#include "plugin/handler_table.hpp"
#include "plugin/plugin_set.hpp"
#include "policy/handlers.hpp"
#include "policy/policies.hpp"

namespace deputyd
{

/// A policy as it applies to the plugins of this host, with the flags of a moment. Immutable.
struct applied_policy {
    std::shared_ptr<const policies> from;
    const policy *is; ///< one of those
    handler_table handlers;
    /// Of each plugin that has a handler on, as JSON.
    std::vector<std::pair<loaded_plugin *, std::string>> settings;
};

/// @param name of a policy that is among those.
/// @throw config_error if a plugin's settings do not fit.
std::shared_ptr<const applied_policy> apply(const std::shared_ptr<const policies> &from,
                                            const std::string &name, const flags_over &over,
                                            const plugin_set &plugins);

/// The handlers of a policy without those of some plugins, which are off.
std::shared_ptr<const handler_table> handlers_without(const applied_policy &p,
                                                      const std::vector<const loaded_plugin *> &off);

/// What containers are served by: all of one configuration and of the flags over it. Immutable.
struct rule_book {
    std::shared_ptr<const policies> rules;
    std::vector<policy_match> matches;
    flags_over over;
    std::map<std::string, std::shared_ptr<const applied_policy>> by_name;
};

/// Makes the plugins ready that have a handler on somewhere and are not ready yet.
/// @throw std::runtime_error if one fails; it may be tried again.
void make_ready(const rule_book &book);

/// @throw config_error or std::runtime_error if something does not fit the plugins.
rule_book make_rule_book(std::shared_ptr<const policies> rules, std::vector<policy_match> matches,
                         flags_over over, const plugin_set &plugins);

} // namespace deputyd
