// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/loopback_address.hpp"
#include "observe/audit.hpp"
#include "policy/config_tree.hpp"

namespace deputyd
{

/// How a daemon can be seen at work: the tables [metrics] and [audit] of the configuration.
struct observing_config {
    std::optional<loopback_address> metrics; ///< where Prometheus may read them over TCP; none: nowhere
    audit_form audit = audit_form::json;     ///< off without `enabled`
};

/// @param tree the merged configuration. @throw config_error.
observing_config observing_of(const config_node &tree);

} // namespace deputyd
