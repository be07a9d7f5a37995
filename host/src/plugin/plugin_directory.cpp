// SPDX-License-Identifier: Apache-2.0
#include "plugin/plugin_directory.hpp"

#include <stdexcept>
#include <vector>

#include "base/nearest.hpp"

namespace deputyd
{
namespace
{

[[noreturn]] void unknown_plugin(const std::string &name, const std::filesystem::path &directory)
{
    std::vector<std::string> known;
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(directory, ignored)) {
        if (entry.path().extension() == ".so") {
            known.push_back(entry.path().stem());
        }
    }
    throw std::runtime_error("there is no plugin " + name + " in " + directory.string() +
                             did_you_mean(name, known) +
                             " (--plugin-dir and --plugin say where plugins are)");
}

} // namespace

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
