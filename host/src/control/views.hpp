// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "intake/containers.hpp"
#include "notify/host.hpp"
#include "plugin/plugin_set.hpp"

namespace deputyd
{

/// Calls by handler as it is printed, PLUGIN.SYSCALL; those that no handler took are "none".
using named_calls = std::map<std::string, call_numbers>;
named_calls by_name(const call_statistics::by_handler &calls);
/// Those of the containers that are there and of those that are gone.
named_calls all_calls(const host_numbers &numbers);

/// What the control socket says of the containers that are served: see deputy-ps(8).
nlohmann::json view_of_containers(const std::vector<container_entry> &entries, const host_numbers &numbers);
/// Calls as they come, a line each; one of its own says how many were missed.
std::function<std::string()> trace_source(std::shared_ptr<trace_reader> reader);
/// What it says of the host and its plugins.
nlohmann::json view_of_statistics(const host_numbers &numbers, const plugin_set &plugins);

} // namespace deputyd
