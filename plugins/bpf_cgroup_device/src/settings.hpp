// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace bpf_cgroup_device
{

/// What policy sets for a container.
struct settings {
    std::size_t programs = 256;      ///< live programs a container
    std::size_t instructions = 4096; ///< of one program
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

/// Reads settings that the host has checked against the schema; what is absent keeps its default.
/// @throw std::system_error EINVAL if it is no such object after all.
settings parse_settings(const char *json);

} // namespace bpf_cgroup_device
