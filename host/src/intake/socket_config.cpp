// SPDX-License-Identifier: Apache-2.0
#include "intake/socket_config.hpp"

#include <algorithm>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/un.h>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "policy/config_value.hpp"

namespace deputyd
{
namespace
{

constexpr const char *table_name = "socket";

std::string full_key(const char *key)
{
    return fmt::format("{}.{}", table_name, key);
}

/// One [[socket]] table.
class reader
{
public:
    reader(const config_node &table, const policies &known) : table_(table), known_(known) {}

    socket_config read(const std::filesystem::path &directory) const
    {
        expect_keys(table_, full_key(""), "a socket",
                    {"path", "protocol", "policies", "default", "user", "group"});
        socket_config s;
        s.path = directory / text("path");
        s.name = s.path.filename();
        if (s.name.empty() || s.path.string().size() >= sizeof(sockaddr_un::sun_path)) {
            refuse("path", "must name a file, in less than 108 bytes with its directory");
        }
        s.speaks = speaks();
        s.policies = policy_list();
        s.default_policy = default_policy(s.policies);
        if (table_.find("user") != nullptr) {
            s.owner = user(text("user"));
        }
        if (table_.find("group") != nullptr) {
            s.group = group(text("group"));
        }
        if (s.speaks == protocol::lxc && (s.owner || s.group)) {
            refuse("protocol", "lxc sockets are for root alone: the monitor of LXC says itself who called, "
                               "the kernel does not");
        }
        return s;
    }

private:
    [[noreturn]] void refuse(const char *key, const std::string &reason) const
    {
        const config_node *found = table_.find(key);
        throw config_error(found == nullptr ? table_.source : found->source, full_key(key), reason);
    }
    std::string text(const char *key) const
    {
        const config_node *found = table_.find(key);
        if (found == nullptr) {
            refuse(key, "is missing");
        }
        return expect_text(*found, full_key(key));
    }
    protocol speaks() const
    {
        const std::string name = text("protocol");
        if (name != "oci" && name != "lxc") {
            refuse("protocol", fmt::format("must be \"oci\" or \"lxc\", not \"{}\"", escaped(name)));
        }
        return name == "oci" ? protocol::oci : protocol::lxc;
    }
    void check_policy(const char *key, const std::string &name) const
    {
        if (known_.find(name) == nullptr) {
            refuse(key,
                   fmt::format("there is no policy {}{}", escaped(name), did_you_mean(name, known_.names())));
        }
    }
    std::vector<std::string> policy_list() const
    {
        const config_node *found = table_.find("policies");
        if (found == nullptr) {
            return known_.names();
        }
        auto names = expect_texts(*found, full_key("policies"));
        for (const auto &name : names) {
            check_policy("policies", name);
        }
        return names;
    }
    std::string default_policy(const std::vector<std::string> &allowed) const
    {
        if (table_.find("default") == nullptr) {
            for (const char *usual : {"default", "nested"}) {
                if (std::find(allowed.begin(), allowed.end(), usual) != allowed.end()) {
                    return usual;
                }
            }
            return allowed.size() == 1 ? allowed.front() : "";
        }
        std::string name = text("default");
        check_policy("default", name);
        if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
            refuse("default", fmt::format("{} is not among the socket's policies", escaped(name)));
        }
        return name;
    }
    uid_t user(const std::string &name) const
    {
        const passwd *entry = getpwnam(name.c_str());
        if (entry == nullptr) {
            refuse("user", fmt::format("there is no user {}", escaped(name)));
        }
        return entry->pw_uid;
    }
    gid_t group(const std::string &name) const
    {
        const ::group *entry = getgrnam(name.c_str());
        if (entry == nullptr) {
            refuse("group", fmt::format("there is no group {}", escaped(name)));
        }
        return entry->gr_gid;
    }

    const config_node &table_;
    const policies &known_;
};

config_node standard_socket(const char *path, const char *protocol)
{
    config_node socket;
    socket.source = {"the standard configuration"};
    socket.is_table = true;
    socket.children["path"].leaf = path;
    socket.children["protocol"].leaf = protocol;
    return socket;
}

/// The tables of a configuration, or the standard ones.
std::vector<config_node> socket_tables(const config_node &tree)
{
    const config_node *node = tree.find(table_name);
    if (node == nullptr) {
        return {standard_socket("oci.sock", "oci"), standard_socket("lxc.sock", "lxc")};
    }
    const auto is_table = [](const config_node &item) { return item.is_table; };
    if (!node->leaf.is_array() || !std::all_of(node->items.begin(), node->items.end(), is_table)) {
        throw config_error(node->source, table_name, "must be a list of tables: write [[socket]]");
    }
    return node->items;
}

} // namespace

std::vector<socket_config> socket_configs(const config_node &tree, const policies &known,
                                          const std::filesystem::path &directory)
{
    std::vector<socket_config> all;
    for (const config_node &table : socket_tables(tree)) {
        socket_config s = reader(table, known).read(directory);
        if (std::any_of(all.begin(), all.end(), [&](const auto &other) { return other.name == s.name; })) {
            throw config_error(table.source, full_key("path"),
                               fmt::format("two sockets have the name {}", escaped(s.name)));
        }
        all.push_back(std::move(s));
    }
    return all;
}

} // namespace deputyd
