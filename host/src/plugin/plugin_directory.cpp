// SPDX-License-Identifier: Apache-2.0
#include "plugin/plugin_directory.hpp"

#include <stdexcept>
#include <vector>

#include "base/nearest.hpp"

namespace deputyd
{
namespace
{

/// The objects in a directory, by the names of their plugins.
std::map<std::string, std::filesystem::path> objects_in(const std::filesystem::path &directory)
{
    std::map<std::string, std::filesystem::path> all;
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(directory, ignored)) {
        if (entry.path().extension() == ".so") {
            all.emplace(entry.path().stem(), entry.path());
        }
    }
    return all;
}

[[noreturn]] void unknown_plugin(const std::string &name, const std::filesystem::path &directory)
{
    std::vector<std::string> known;
    for (const auto &[other, file] : objects_in(directory)) {
        known.push_back(other);
    }
    throw std::runtime_error("there is no plugin " + name + " in " + directory.string() +
                             did_you_mean(name, known) +
                             " (--plugin-dir and --plugin say where plugins are)");
}

} // namespace

known_plugins installed_plugins(const plugin_set &plugins, const std::filesystem::path &directory)
{
    known_plugins known;
    for (const auto &plugin : plugins.all()) {
        known.emplace(plugin->name(), plugin->about().syscalls);
    }
    for (const auto &[name, file] : objects_in(directory)) {
        if (known.contains(name)) {
            continue;
        }
        try {
            known.emplace(name, accepted_manifest(file).syscalls);
        } catch (const std::runtime_error &) { // who turns it on hears why
        }
    }
    return known;
}

std::filesystem::path find_plugin(const std::string &name, const std::filesystem::path &directory)
{
    const auto file = std::filesystem::absolute(directory) / (name + ".so");
    if (!std::filesystem::exists(file)) {
        unknown_plugin(name, directory);
    }
    return file;
}

void load_plugins(plugin_set &plugins, std::span<const std::filesystem::path> files,
                  std::span<const std::string> names, const std::filesystem::path &directory)
{
    for (const auto &file : files) {
        plugins.load(std::filesystem::absolute(file));
    }
    for (const std::string &name : names) {
        if (plugins.find(name) == nullptr) {
            plugins.load(find_plugin(name, directory));
        }
    }
}

} // namespace deputyd
