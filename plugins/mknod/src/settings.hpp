// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.hpp>

#include "devices.hpp"

namespace mknod_plugin
{

/// What policy sets for a container.
struct settings {
    device_list devices;
    bool granted; ///< devices = "granted": what the container's device rules grant, and no list
    bool bind;    ///< nodev = "bind": a node that could not be opened is covered with the host's
};

/// JSON Schema (draft 7) of the settings.
inline constexpr const char *settings_schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Settings of mknod",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "devices": {
      "description": "The devices that may be made: a list of c or b, major number, and minor number, range of them or *; or \"granted\": those that the container's own device rules grant.",
      "type": ["array", "string"],
      "pattern": "^granted$",
      "items": {
        "type": "string",
        "pattern": "^[bc] [0-9]{1,4}:([*]|[0-9]{1,7}(-[0-9]{1,7})?)$"
      },
      "maxItems": 256,
      "default": ["c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:1"]
    },
    "nodev": {
      "description": "Where a node could not be opened: make none, or bind the host's node over it.",
      "type": "string", "enum": ["refuse", "bind"], "default": "refuse"
    }
  }
})";

/// @throw std::system_error what the host's settings say, or EINVAL for a device that is none.
settings read_settings(const deputy::host &host, std::uint64_t container);

} // namespace mknod_plugin
