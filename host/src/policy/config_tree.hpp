// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace deputyd
{

/// Where something stands in a configuration file.
struct config_source {
    std::string file;
    unsigned line = 0;   ///< from 1; 0: not in a line of it
    unsigned column = 0; ///< from 1
};

/// "FILE:LINE:COLUMN", or the file alone.
std::string text_of(const config_source &where);

/// A configuration value that knows where it was written: a table, or a leaf (a scalar or a list) as JSON.
struct config_node {
    config_source source; ///< of its key, or of itself in a list
    bool is_table = false;
    std::map<std::string, config_node> children; ///< of a table
    nlohmann::json leaf;                         ///< of everything else
    std::vector<config_node> items;              ///< of a list: the same again, with sources

    /// The child of that name, or nullptr.
    const config_node *find(const std::string &key) const;
    /// The same where a missing one is an empty table.
    const config_node &table(const std::string &key) const;
    /// The value as JSON, without sources.
    nlohmann::json json() const;
    /// Lays other over this: tables merge, scalars and lists are replaced.
    void merge(const config_node &other);
};

/// Where a value is written: "default" for nullptr, one that nobody wrote.
std::string source_text(const config_node *value);

/// What a user wrote wrong: "FILE:LINE:COLUMN: KEY: reason; remedy".
class config_error : public std::runtime_error
{
public:
    config_error(const config_source &where, const std::string &key, const std::string &reason);
};

/// Reads one TOML file. @throw config_error.
config_node read_toml(const std::filesystem::path &file);

/// Reads directory/*.toml in the order of their names and merges them over tree; a directory that does not
/// exist is empty. @throw config_error.
void merge_directory(config_node &tree, const std::filesystem::path &directory);

} // namespace deputyd
