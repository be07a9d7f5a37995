// SPDX-License-Identifier: Apache-2.0
#include "intake/containers.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

std::set<std::string> names_of(const std::vector<const handler *> &handlers)
{
    std::set<std::string> names;
    for (const handler *h : handlers) {
        names.insert(name_of(h));
    }
    return names;
}

bool was_on(const loaded_plugin &plugin, const std::set<std::string> &led)
{
    return std::any_of(led.begin(), led.end(),
                       [&](const std::string &name) { return name.starts_with(plugin.name() + "."); });
}

/// The table lives as long as somebody uses it: who holds it holds what holds it.
std::shared_ptr<const handler_table> table_of(const std::shared_ptr<const applied_policy> &p)
{
    return {p, &p->handlers};
}

constexpr const char *why_not_led =
    "was off when the container came: unless its seccomp profile leads these calls to deputyd all the same, "
    "write the profile anew and recreate the container";

} // namespace

containers::containers(host &serving, const plugin_set &plugins, event_loop &loop, std::uint64_t first_id)
    : host_(serving), plugins_(plugins), loop_(loop), next_id_(first_id)
{
}

containers::~containers()
{
    for (const auto &[k, s] : by_key_) {
        tell_gone(*s);
    }
}

std::shared_ptr<const applied_policy> containers::rules(const std::string &policy) const
{
    const auto found = book_.by_name.find(policy);
    if (found == book_.by_name.end()) {
        throw std::runtime_error(fmt::format("there is no policy {}", escaped(policy)));
    }
    return found->second;
}

void containers::tell_added(served &s, loaded_plugin &plugin, const std::string &settings, int cgroup)
{
    deputy_container added{};
    added.struct_size = sizeof added;
    added.cgroup = cgroup;
    added.id = s.about->id;
    added.user_ns = s.about->user_ns;
    added.name = s.about->name.c_str();
    added.settings = settings.c_str();
    added.wait_killable = s.about->wait_killable ? 1 : 0;
    plugin.container_added(added);
    s.told.push_back(&plugin);
}

/// Before any plugin knows of it.
std::shared_ptr<containers::served> containers::begin(const arrival &a, const std::string &policy,
                                                      const origin &o)
{
    auto s = std::make_shared<served>();
    s->rules = rules(policy);
    s->handlers = table_of(s->rules);
    s->led = names_of(handlers_on(s->rules->handlers));
    s->about = std::make_shared<container>();
    s->about->id = next_id_++;
    s->about->name = a.name;
    s->about->user_ns = o.user_ns;
    s->about->denied = a.denied;
    s->cgroup_path = o.cgroup_path;
    return s;
}

std::shared_ptr<containers::served> containers::make(const arrival &a, const std::string &policy,
                                                     const origin &o)
{
    auto s = begin(a, policy, o);
    try {
        for (const auto &[plugin, settings] : s->rules->settings) {
            tell_added(*s, *plugin, settings, o.cgroup.get());
        }
    } catch (...) {
        tell_gone(*s);
        throw;
    }
    return s;
}

/// A container that an earlier host served. A plugin that was turned on since it came may refuse it; one that
/// took it before may not: its calls wait then.
std::shared_ptr<containers::served> containers::make_again(const arrival &a, const nlohmann::json &record)
{
    origin o;
    o.user_ns = record.at("user_ns");
    o.cgroup_path = record.at("cgroup");
    o.cgroup = open_cgroup(o.cgroup_path);
    auto s = begin(a, record.at("policy"), o);
    if (const auto led = record.find("led"); led != record.end()) {
        s->led = led->get<std::set<std::string>>();
    }
    std::vector<unserved_container> refused;
    try {
        for (const auto &[plugin, settings] : s->rules->settings) {
            if (was_on(*plugin, s->led)) {
                tell_added(*s, *plugin, settings, o.cgroup.get());
            }
        }
        tell_of_more(*s, o.cgroup.get(), refused);
    } catch (...) {
        tell_gone(*s);
        throw;
    }
    for (const unserved_container &r : refused) {
        log().error("{}: {} {}", r.name, r.handler, r.reason);
    }
    return s;
}

/// Tells plugins that are on and do not know the container. Those that refuse it stay off there.
void containers::tell_of_more(served &s, int cgroup, std::vector<unserved_container> &ret)
{
    std::vector<const loaded_plugin *> refused;
    s.refused.clear();
    for (const auto &[plugin, settings] : s.rules->settings) {
        if (std::find(s.told.begin(), s.told.end(), plugin) != s.told.end()) {
            continue;
        }
        try {
            tell_added(s, *plugin, settings, cgroup);
        } catch (const std::exception &e) {
            refused.push_back(plugin);
            s.refused.insert(plugin->name());
            ret.push_back({s.about->name, plugin->name(),
                           fmt::format("stays off there: {}; recreate the container", e.what())});
        }
    }
    s.handlers = refused.empty() ? table_of(s.rules) : handlers_without(*s.rules, refused);
}

/// Its cgroup, or none if it cannot be opened: for plugins, which say what they lack.
deputy::unique_fd containers::cgroup_of(const served &s)
{
    try {
        return open_cgroup(s.cgroup_path);
    } catch (const std::exception &e) {
        log().error("{}: {}", s.about->name, e.what());
        return {};
    }
}

std::vector<unserved_container> containers::use_flags(rule_book book, const std::string &policy,
                                                      const flags &change)
{
    std::map<const policies *, std::shared_ptr<const applied_policy>> now; // of now, and from before reloads
    for (const auto &[k, s] : by_key_) {
        if (s->rules->is->name == policy && !now.contains(s->rules->from.get())) {
            now[s->rules->from.get()] = apply(s->rules->from, policy, book.over, plugins_);
        }
    }
    use(std::move(book));
    std::vector<unserved_container> unserved;
    for (const auto &[k, s] : by_key_) {
        if (s->rules->is->name != policy) {
            continue;
        }
        s->rules = now.at(s->rules->from.get());
        tell_of_more(*s, cgroup_of(*s).get(), unserved);
        host_.use(s->about->id, s->handlers);
        std::set<std::string> not_led;
        for (const handler *h : handlers_on(s->rules->handlers)) {
            if (change.names(*h) && !s->led.contains(name_of(h))) {
                not_led.insert(name_of(h));
            }
        }
        for (const std::string &name : not_led) {
            unserved.push_back({s->about->name, name, why_not_led});
        }
    }
    return unserved;
}

nlohmann::json containers::serve(const key &k, const arrival &a, const std::shared_ptr<served> &s,
                                 std::unique_ptr<channel> c, std::function<void()> ended,
                                 const keep_record &keep)
{
    nlohmann::json record = {{"socket", a.socket},      {"key", a.key},
                             {"name", a.name},          {"policy", s->rules->is->name},
                             {"led", s->led},           {"uid", a.sender.uid},
                             {"gid", a.sender.gid},     {"user_ns", s->about->user_ns},
                             {"cgroup", s->cgroup_path}};
    if (s->about->denied) {
        record["denied"] = s->about->denied->word();
    }
    const bool is_new = by_key_.try_emplace(k, s).second;
    ++s->listeners;
    try {
        if (keep) {
            keep(record);
        }
        host_.serve(s->about, s->handlers, std::move(c), [this, k, ended = std::move(ended)] {
            loop_.post([this, k, ended] {
                listener_ended(k);
                ended();
            });
        });
    } catch (...) {
        listener_ended(k);
        throw;
    }
    if (is_new) {
        log().info("{}: served under policy {}, cgroup {}", s->about->name, s->rules->is->name,
                   escaped(s->cgroup_path));
    }
    return record;
}

nlohmann::json containers::adopt(const arrival &a, std::unique_ptr<channel> c, std::function<void()> ended,
                                 const keep_record &keep)
{
    const key k(a.socket, a.sender.uid, a.key);
    const auto found = by_key_.find(k);
    if (found != by_key_.end()) {
        const auto there = found->second;
        nlohmann::json record = serve(k, a, there, std::move(c), std::move(ended), keep);
        for (loaded_plugin *plugin : there->told) {
            plugin->container_exec(there->about->id);
        }
        return record;
    }
    if (a.pid <= 0) {
        throw std::runtime_error(
            fmt::format("{}: its runtime names no process of it, and it is not served yet", a.name));
    }
    const origin from = find_origin(a.pid, a.sender);
    const std::string &policy = choose_policy(a, from.cgroup_path, book_.matches);
    return serve(k, a, make(a, policy, from), std::move(c), std::move(ended), keep);
}

nlohmann::json containers::restore(const nlohmann::json &record, std::unique_ptr<channel> c,
                                   std::function<void()> ended)
{
    arrival a;
    a.socket = record.at("socket");
    a.key = record.at("key");
    a.name = record.at("name");
    a.denied = denied_by(record.value("denied", std::string()));
    a.sender.uid = record.at("uid");
    a.sender.gid = record.at("gid");
    const key k(a.socket, a.sender.uid, a.key);
    const auto found = by_key_.find(k);
    if (found != by_key_.end()) {
        return serve(k, a, found->second, std::move(c), std::move(ended), {});
    }
    return serve(k, a, make_again(a, record), std::move(c), std::move(ended), {});
}

container_handling containers::handling(const std::string &name) const
{
    std::vector<const served *> found;
    for (const auto &[k, s] : by_key_) {
        if (s->about->name == name || std::to_string(s->about->id) == name) {
            found.push_back(s.get());
        }
    }
    if (found.size() != 1) {
        throw std::runtime_error(
            found.empty()
                ? fmt::format("no container {} is served: deputy ps prints those that are", escaped(name))
                : fmt::format("{} containers have the name {}: give the id that deputy ps --json prints",
                              found.size(), escaped(name)));
    }
    const served &s = *found.front();
    return {s.about->name, s.rules, s.led, s.refused};
}

std::vector<container_entry> containers::entries() const
{
    std::vector<container_entry> all;
    for (const auto &[k, s] : by_key_) {
        all.push_back(
            {s->about->id, s->about->name, s->rules->is->name, std::get<0>(k), s->cgroup_path, s->since});
    }
    std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return a.id < b.id; });
    return all;
}

void containers::listener_ended(const key &k)
{
    const auto found = by_key_.find(k);
    if (found == by_key_.end() || --found->second->listeners != 0) {
        return;
    }
    log().info("{}: gone", found->second->about->name);
    tell_gone(*found->second);
    by_key_.erase(found);
}

void containers::tell_gone(served &s)
{
    for (auto plugin = s.told.rbegin(); plugin != s.told.rend(); ++plugin) {
        (*plugin)->container_gone(s.about->id);
    }
    s.told.clear();
}

} // namespace deputyd
