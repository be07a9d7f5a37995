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

namespace deputyd
{
namespace
{

constexpr const char *table_name = "socket";

[[noreturn]] void refuse(const config_source &where, const std::string &key, const std::string &reason)
{
    throw config_error(where, key.empty() ? table_name : fmt::format("{}.{}", table_name, key), reason);
}

/// One [[socket]] table; a list in the tree is JSON, so lines are the list's.
class reader
{
public:
    reader(const config_source &where, const nlohmann::json &table, const policies &known)
        : where_(where), table_(table), known_(known)
    {
    }

    socket_config read(const std::filesystem::path &directory) const
    {
        check_keys();
        socket_config s;
        s.path = directory / text("path");
        s.name = s.path.filename();
        if (s.name.empty() || s.path.string().size() >= sizeof(sockaddr_un::sun_path)) {
            refuse(where_, "path", "must name a file, in less than 108 bytes with its directory");
        }
        s.speaks = speaks();
        s.policies = policy_list();
        s.default_policy = default_policy(s.policies);
        if (table_.contains("user")) {
            s.owner = user(text("user"));
        }
        if (table_.contains("group")) {
            s.group = group(text("group"));
        }
        if (s.speaks == protocol::lxc && (s.owner || s.group)) {
            refuse(where_, "protocol",
                   "lxc sockets are for root alone: the monitor of LXC says itself who called, the kernel "
                   "does not");
        }
        return s;
    }

private:
    void check_keys() const
    {
        static const std::vector<std::string> keys = {"path",    "protocol", "policies",
                                                      "default", "user",     "group"};
        for (const auto &[key, value] : table_.items()) {
            if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
                refuse(where_, key,
                       fmt::format("is not a key of a socket{} It has: {}", did_you_mean(key, keys),
                                   fmt::join(keys, ", ")));
            }
        }
    }
    std::string text(const char *key) const
    {
        const auto found = table_.find(key);
        if (found == table_.end() || !found->is_string() || found->get<std::string>().empty()) {
            refuse(where_, key, "is missing or not a string");
        }
        return found->get<std::string>();
    }
    protocol speaks() const
    {
        const std::string name = text("protocol");
        if (name != "oci" && name != "lxc") {
            refuse(where_, "protocol", fmt::format("must be \"oci\" or \"lxc\", not \"{}\"", escaped(name)));
        }
        return name == "oci" ? protocol::oci : protocol::lxc;
    }
    void check_policy(const std::string &key, const std::string &name) const
    {
        if (known_.find(name) == nullptr) {
            refuse(where_, key,
                   fmt::format("there is no policy {}{}", escaped(name), did_you_mean(name, known_.names())));
        }
    }
    std::vector<std::string> policy_list() const
    {
        const auto found = table_.find("policies");
        if (found == table_.end()) {
            return known_.names();
        }
        const auto is_string = [](const nlohmann::json &item) { return item.is_string(); };
        if (!found->is_array() || !std::all_of(found->begin(), found->end(), is_string)) {
            refuse(where_, "policies", "must be a list of names of policies");
        }
        auto names = found->get<std::vector<std::string>>();
        for (const auto &name : names) {
            check_policy("policies", name);
        }
        return names;
    }
    std::string default_policy(const std::vector<std::string> &allowed) const
    {
        if (!table_.contains("default")) {
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
            refuse(where_, "default", fmt::format("{} is not among the socket's policies", escaped(name)));
        }
        return name;
    }
    uid_t user(const std::string &name) const
    {
        const passwd *entry = getpwnam(name.c_str());
        if (entry == nullptr) {
            refuse(where_, "user", fmt::format("there is no user {}", escaped(name)));
        }
        return entry->pw_uid;
    }
    gid_t group(const std::string &name) const
    {
        const ::group *entry = getgrnam(name.c_str());
        if (entry == nullptr) {
            refuse(where_, "group", fmt::format("there is no group {}", escaped(name)));
        }
        return entry->gr_gid;
    }

    const config_source &where_;
    const nlohmann::json &table_;
    const policies &known_;
};

nlohmann::json standard_sockets()
{
    return {{{"path", "oci.sock"}, {"protocol", "oci"}}, {{"path", "lxc.sock"}, {"protocol", "lxc"}}};
}

} // namespace

std::vector<socket_config> socket_configs(const config_node &tree, const policies &known,
                                          const std::filesystem::path &directory)
{
    const config_node *node = tree.find(table_name);
    const nlohmann::json tables = node == nullptr ? standard_sockets() : node->leaf;
    const config_source where =
        node == nullptr ? config_source{"the standard configuration", 0} : node->source;
    const auto is_table = [](const nlohmann::json &item) { return item.is_object(); };
    if (!tables.is_array() || !std::all_of(tables.begin(), tables.end(), is_table)) {
        refuse(where, "", "must be a list of tables: write [[socket]]");
    }
    std::vector<socket_config> all;
    for (const auto &table : tables) {
        socket_config s = reader(where, table, known).read(directory);
        if (std::any_of(all.begin(), all.end(), [&](const auto &other) { return other.name == s.name; })) {
            refuse(where, "path", fmt::format("two sockets have the name {}", escaped(s.name)));
        }
        all.push_back(std::move(s));
    }
    return all;
}

const std::string &select_policy(const socket_config &socket, const std::string &selected)
{
    if (selected.empty()) {
        if (socket.default_policy.empty()) {
            throw std::runtime_error(fmt::format("it selects no policy, and {} has no default", socket.name));
        }
        return socket.default_policy;
    }
    const auto found = std::find(socket.policies.begin(), socket.policies.end(), selected);
    if (found == socket.policies.end()) {
        throw std::runtime_error(fmt::format("it selects policy {}, which {} does not allow{}",
                                             escaped(selected), socket.name,
                                             did_you_mean(selected, socket.policies)));
    }
    return *found;
}

} // namespace deputyd
