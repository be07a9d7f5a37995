// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <deputy/plugin.hpp>

namespace bpf_cgroup_device
{

/// What policy sets for a container.
struct settings {
    std::size_t programs = 0;     ///< live programs a container
    std::size_t instructions = 0; ///< of one program
};

/// JSON Schema (draft 7) of the settings.
inline constexpr const char *settings_schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Settings of bpf_cgroup_device",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "programs": {
      "description": "How many device programs a container may have alive at once.",
      "type": "integer", "minimum": 1, "maximum": 4096, "default": 256
    },
    "instructions": {
      "description": "How many instructions one program may have.",
      "type": "integer", "minimum": 2, "maximum": 4096, "default": 4096
    }
  }
})";

/// @throw std::system_error what deputy.settings/1 says.
settings read_settings(const deputy::host &host, std::uint64_t container);

} // namespace bpf_cgroup_device
