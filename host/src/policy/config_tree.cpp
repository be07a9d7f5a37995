// SPDX-License-Identifier: Apache-2.0
#include "policy/config_tree.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

namespace fs = std::filesystem;

nlohmann::json leaf_json(const toml::node &node)
{
    // The formatter writes tables only; dates and times become strings.
    toml::table wrapped;
    wrapped.insert("value", node);
    std::ostringstream text;
    text << toml::json_formatter{wrapped};
    return nlohmann::json::parse(text.str()).at("value");
}

config_source source_of(const std::string &file, const toml::source_position &at)
{
    return {file, at.line, at.column};
}

config_node convert(const toml::node &node, const std::string &file)
{
    config_node converted;
    converted.source = source_of(file, node.source().begin);
    if (const toml::table *table = node.as_table()) {
        converted.is_table = true;
        for (const auto &[key, child] : *table) {
            config_node inner = convert(child, file);
            inner.source = source_of(file, key.source().begin);
            converted.children.emplace(std::string(key.str()), std::move(inner));
        }
        return converted;
    }
    converted.leaf = leaf_json(node);
    if (const toml::array *list = node.as_array()) {
        for (const auto &item : *list) {
            converted.items.push_back(convert(item, file));
        }
    }
    return converted;
}

std::string read_file(const fs::path &file)
{
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf())) {
        const int number = errno;
        // An empty file sets the stream's failbit without an error.
        if (!fs::is_regular_file(file) || fs::file_size(file) != 0) {
            throw config_error({file.string()}, "", fmt::format("cannot be read: {}", std::strerror(number)));
        }
    }
    return text.str();
}

} // namespace

std::string text_of(const config_source &where)
{
    return where.line == 0 ? where.file : fmt::format("{}:{}:{}", where.file, where.line, where.column);
}

config_error::config_error(const config_source &where, const std::string &key, const std::string &reason)
    : std::runtime_error(
          fmt::format("{}{}: {}", text_of(where), key.empty() ? "" : ": " + escaped(key), reason))
{
}

const config_node *config_node::find(const std::string &key) const
{
    const auto found = children.find(key);
    return found == children.end() ? nullptr : &found->second;
}

const config_node &config_node::table(const std::string &key) const
{
    static const config_node empty = [] {
        config_node table;
        table.is_table = true;
        return table;
    }();
    const config_node *found = find(key);
    return found == nullptr ? empty : *found;
}

std::string source_text(const config_node *value)
{
    return value == nullptr ? "default" : text_of(value->source);
}

nlohmann::json config_node::json() const
{
    if (!is_table) {
        return leaf;
    }
    auto object = nlohmann::json::object();
    for (const auto &[key, child] : children) {
        object[key] = child.json();
    }
    return object;
}

void config_node::merge(const config_node &other)
{
    if (!is_table || !other.is_table) {
        *this = other;
        return;
    }
    for (const auto &[key, child] : other.children) {
        const auto [place, is_new] = children.try_emplace(key, child);
        if (!is_new) {
            place->second.merge(child);
        }
    }
}

config_node read_toml(const fs::path &file)
{
    const std::string text = read_file(file);
    try {
        return convert(toml::parse(text, file.string()), file.string());
    } catch (const toml::parse_error &e) {
        throw config_error(source_of(file.string(), e.source().begin), "",
                           fmt::format("not TOML: {}", escaped(e.description())));
    }
}

void merge_directory(config_node &tree, const fs::path &directory)
{
    std::error_code missing;
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(directory, missing)) {
        if (entry.path().extension() == ".toml") {
            files.push_back(entry.path());
        }
    }
    if (missing && missing != std::errc::no_such_file_or_directory) {
        throw config_error({directory.string()}, "", missing.message());
    }
    std::sort(files.begin(), files.end());
    for (const auto &file : files) {
        tree.merge(read_toml(file));
    }
}

} // namespace deputyd
