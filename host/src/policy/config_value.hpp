// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/config_tree.hpp"

namespace deputyd
{

// Values of a configuration that must have a form. All throw config_error, naming the key by its full path
// and saying what was expected.

void expect_table(const config_node &node, const std::string &key);
/// @param what the table is, for the message: "a policy". @param prefix of the keys, with its dot, or "".
void expect_keys(const config_node &table, const std::string &prefix, const char *what,
                 const std::vector<std::string> &known);
/// A string that is not empty.
std::string expect_text(const config_node &node, const std::string &key);
/// @param unit for the message: " of milliseconds".
std::int64_t expect_integer(const config_node &node, const std::string &key, std::int64_t least,
                            std::int64_t most, const char *unit = "");
std::vector<std::string> expect_texts(const config_node &node, const std::string &key);
/// An errno by its name, as "ENOSYS".
int expect_errno(const config_node &node, const std::string &key);

} // namespace deputyd
