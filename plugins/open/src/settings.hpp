// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <deputy/plugin.hpp>

namespace open_plugin
{

/// One entry of the setting "rules", checked.
struct rule_text {
    std::string path;         ///< in the container: absolute, canonical, without a slash at its end
    std::string to;           ///< on the host: absolute
    bool prefix = false;      ///< what is below path too
    bool writable = false;    ///< access = "rw"
    bool refuse_path = false; ///< o_path = "refuse"
};

/// JSON Schema (draft 7) of the settings.
inline constexpr const char *settings_schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Settings of open",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "rules": {
      "description": "What may be opened; the first rule that fits counts.",
      "type": "array", "maxItems": 64, "default": [],
      "items": { "type": "object",
        "additionalProperties": false,
        "required": ["path", "from", "access"],
        "properties": {
          "path": {
            "description": "In the container, absolute, below /, without //, . and ..: a file, or with a slash at its end a directory and all below it.",
            "type": "string", "pattern": "^(/(?!\\.{1,2}(/|$))[^/]+)+/?$", "maxLength": 4095
          },
          "from": {
            "description": "Where the file is taken from.",
            "type": "string", "enum": ["host"]
          },
          "to": {
            "description": "Its path there, absolute; without it the same.",
            "type": "string", "pattern": "^/", "maxLength": 4095
          },
          "access": {
            "description": "ro: reading alone; rw: writing, creating and truncating too.",
            "type": "string", "enum": ["ro", "rw"]
          },
          "o_path": {
            "description": "What becomes of O_PATH, whose descriptors cannot be sent.",
            "type": "string", "enum": ["continue", "refuse"], "default": "continue"
          }
        }
      }
    }
  }
})";

/// Reads the rules, which the host has checked against the schema.
/// @throw std::runtime_error naming the rule, what is wrong with it and the remedy.
std::vector<rule_text> read_rules(const deputy::settings &from);

} // namespace open_plugin
