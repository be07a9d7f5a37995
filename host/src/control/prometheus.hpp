// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "notify/host.hpp"
#include "plugin/plugin_set.hpp"

namespace deputyd
{

/// Of what prometheus_text() makes.
inline constexpr const char *prometheus_content_type = "text/plain; version=0.0.4";

/// A host's numbers in the text format of Prometheus.
std::string prometheus_text(const host_numbers &numbers, const plugin_set &plugins);

} // namespace deputyd
