// SPDX-License-Identifier: Apache-2.0
#include "cli/plugin_list.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "plugin/plugin_directory.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;
namespace fs = std::filesystem;

const char *model_of(const opened_plugin &p)
{
    switch (p.description->threads) {
    case DEPUTY_THREADS_SERIAL:
        return "serial";
    case DEPUTY_THREADS_PER_CONTAINER:
        return "per-container";
    case DEPUTY_THREADS_PARALLEL:
        return "parallel";
    default:
        return "unknown";
    }
}

const char *capabilities_of(const opened_plugin &p)
{
    return (p.about.capabilities & DEPUTY_CAP_CONTINUE) != 0 ? "continue" : "-";
}

/// @return an object; empty if the plugin takes no settings.
json schema_of(const opened_plugin &p)
{
    const char *text = p.description->settings_schema;
    if (text == nullptr) {
        return json::object();
    }
    json schema = json::parse(text, nullptr, false);
    if (!schema.is_object()) {
        throw std::runtime_error(fmt::format("plugin {}: its settings schema is not a JSON object; "
                                             "deputy plugin check says more",
                                             p.about.name));
    }
    return schema;
}

json as_json(const opened_plugin &p, const fs::path &file)
{
    return {{"name", p.about.name},
            {"version", p.about.version},
            {"file", file.string()},
            {"threads", model_of(p)},
            {"capabilities",
             (p.about.capabilities & DEPUTY_CAP_CONTINUE) != 0 ? json{"continue"} : json::array()},
            {"syscalls", p.about.syscalls}};
}

std::string type_of(const json &property)
{
    if (const auto values = property.find("enum"); values != property.end()) {
        std::vector<std::string> words;
        for (const json &v : *values) {
            words.push_back(v.dump());
        }
        return fmt::format("{}", fmt::join(words, " | "));
    }
    const json type = property.value("type", json("any"));
    std::string text = type.is_string() ? type.get<std::string>() : type.dump();
    if (property.contains("minimum") || property.contains("maximum")) {
        text += fmt::format(", {} to {}", property.value("minimum", json("")).dump(),
                            property.value("maximum", json("")).dump());
    }
    return text;
}

void print_settings(const json &schema)
{
    const json properties = schema.value("properties", json::object());
    for (const auto &[name, property] : properties.items()) {
        const auto fallback = property.find("default");
        fmt::print("\n{} ({}){}\n    {}\n", escaped(name), escaped(type_of(property)),
                   fallback == property.end() ? "" : ", default " + escaped(fallback->dump()),
                   escaped(property.value("description", "")));
    }
}

std::vector<fs::path> files_in(const fs::path &directory)
{
    std::error_code failed;
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(directory, failed)) {
        if (entry.path().extension() == ".so") {
            files.push_back(fs::absolute(entry.path()));
        }
    }
    if (failed) {
        throw std::runtime_error(fmt::format("plugin directory {}: {}; --plugin-dir names another",
                                             directory.string(), failed.message()));
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace

int plugin_list(const fs::path &directory, bool json_wanted)
{
    json list = json::array();
    int status = 0;
    for (const fs::path &file : files_in(directory)) {
        try {
            const opened_plugin p = open_plugin(file);
            list.push_back(as_json(p, file));
            if (!json_wanted) {
                fmt::print("{} {}  threads: {}  capabilities: {}  system calls: {}\n", p.about.name,
                           p.about.version, model_of(p), capabilities_of(p),
                           fmt::join(p.about.syscalls, ", "));
            }
        } catch (const std::runtime_error &e) {
            log().error("{}", e.what());
            status = 1;
        }
    }
    if (json_wanted) {
        fmt::print("{}\n", list.dump(1, '\t'));
    }
    return status;
}

int plugin_show(const std::string &name, const fs::path &directory, bool json_wanted)
{
    const bool is_file = name.find('/') != name.npos || name.ends_with(".so");
    const fs::path file = is_file ? fs::absolute(name) : find_plugin(name, directory);
    const opened_plugin p = open_plugin(file);
    const json schema = schema_of(p);
    if (json_wanted) {
        json all = as_json(p, file);
        all["settings"] = schema;
        fmt::print("{}\n", all.dump(1, '\t'));
        return 0;
    }
    fmt::print("{} {}\nfile: {}\nthreads: {}\ncapabilities: {}\nsystem calls: {}\n", p.about.name,
               p.about.version, escaped(file.string()), model_of(p), capabilities_of(p),
               fmt::join(p.about.syscalls, ", "));
    print_settings(schema);
    return 0;
}

} // namespace deputyd
