// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/nearest.hpp"
#include "policy/config_tree.hpp"

namespace deputyd
{
namespace
{

namespace fs = std::filesystem;

void check_keys(const config_node &tree)
{
    static const std::vector<std::string> known = {"policy", "socket", "metrics", "audit"};
    for (const auto &[key, child] : tree.children) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            throw config_error(child.source, key,
                               fmt::format("is not a key of the configuration{} It has: {}",
                                           did_you_mean(key, known), fmt::join(known, ", ")));
        }
    }
}

} // namespace

config_paths standard_config_paths()
{
    return {DEPUTY_CONF_DIR, "/etc/deputy/deputy.toml", "/etc/deputy/conf.d", false};
}

config_paths config_paths_of(const fs::path &file)
{
    return {DEPUTY_CONF_DIR, file, fs::absolute(file).parent_path() / "conf.d", true};
}

configuration read_configuration(const config_paths &paths, const fs::path &socket_directory)
{
    config_node tree;
    tree.is_table = true;
    merge_directory(tree, paths.packaged);
    std::error_code ignored;
    if (paths.must_exist || fs::exists(paths.file, ignored)) {
        tree.merge(read_toml(paths.file));
    }
    merge_directory(tree, paths.local);
    check_keys(tree);
    configuration c;
    c.rules = std::make_shared<policies>(tree);
    c.sockets = socket_configs(tree, *c.rules, socket_directory);
    c.observing = observing_of(tree);
    return c;
}

std::vector<loaded_plugin *> load_enabled(plugin_set &plugins, const policies &rules,
                                          const fs::path &directory)
{
    std::vector<loaded_plugin *> unready;
    for (const std::string &name : rules.plugins()) {
        const fs::path file = fs::absolute(directory) / (name + ".so");
        const bool is_file_name = name.find('/') == name.npos;
        loaded_plugin *plugin = plugins.find(name);
        if (is_file_name && plugin == nullptr && fs::exists(file)) {
            plugin = &plugins.load(file);
        }
        if (plugin != nullptr && !plugin->is_ready()) {
            unready.push_back(plugin);
        }
    }
    return unready;
}

void check_policies(const policies &rules, const plugin_set &plugins)
{
    for (const std::string &name : rules.names()) {
        const policy &p = *rules.find(name);
        enabled_handlers(p, plugins);
        for (const auto &plugin : plugins.all()) {
            plugin_settings(p, *plugin);
        }
    }
}

} // namespace deputyd
