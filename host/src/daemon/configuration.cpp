// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration.hpp"

#include "plugin/plugin_directory.hpp"
#include "policy/config_value.hpp"

namespace deputyd
{

namespace fs = std::filesystem;

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
    expect_keys(tree, "", "the configuration", {"policy", "socket", "match", "metrics", "audit"});
    configuration c;
    c.rules = std::make_shared<policies>(tree);
    c.sockets = socket_configs(tree, *c.rules, socket_directory);
    c.matches = policy_matches(tree, *c.rules, c.sockets);
    c.observing = observing_of(tree);
    c.tree = std::move(tree);
    return c;
}

void load_enabled(plugin_set &plugins, const policies &rules, const flags &over, const fs::path &directory)
{
    const known_plugins installed = installed_plugins(plugins, directory);
    for (const std::string &name : rules.names()) {
        check_names(*rules.find(name), installed);
    }
    std::vector<std::string> names = rules.plugins();
    const auto by_flags = over.plugins();
    names.insert(names.end(), by_flags.begin(), by_flags.end());
    load_plugins(plugins, {}, names, directory);
    over.check(installed);
}

void check_policies(const policies &rules, const plugin_set &plugins)
{
    for (const std::string &name : rules.names()) {
        for (const auto &plugin : plugins.all()) {
            plugin_settings(*rules.find(name), *plugin);
        }
    }
}

} // namespace deputyd
