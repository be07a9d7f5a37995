// SPDX-License-Identifier: Apache-2.0
#include "intake/containers.hpp"

#include <algorithm>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace deputyd
{

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

void containers::use(std::shared_ptr<const policies> p)
{
    std::map<std::string, std::shared_ptr<const ruled>> made;
    for (const std::string &name : p->names()) {
        const policy &one = *p->find(name);
        auto r = std::make_shared<ruled>();
        r->name = name;
        const auto handlers = enabled_handlers(one, plugins_);
        r->handlers = handler_table(handlers);
        for (const auto &plugin : plugins_.all()) {
            const bool is_on = std::any_of(handlers.begin(), handlers.end(),
                                           [&](const handler *h) { return h->plugin == plugin.get(); });
            std::string settings =
                plugin_settings(one, *plugin); // those of a plugin that is off must fit too
            if (is_on) {
                r->settings.emplace_back(plugin.get(), std::move(settings));
            }
        }
        made.emplace(name, std::move(r));
    }
    rules_ = std::move(made);
}

std::shared_ptr<const containers::ruled> containers::rules(const std::string &policy) const
{
    const auto found = rules_.find(policy);
    if (found == rules_.end()) {
        throw std::runtime_error(fmt::format("there is no policy {}", escaped(policy)));
    }
    return found->second;
}

std::shared_ptr<containers::served> containers::make(const arrival &a, origin o)
{
    auto s = std::make_shared<served>();
    s->rules = rules(a.policy);
    s->about = std::make_shared<container>();
    s->about->id = next_id_++;
    s->about->name = a.name;
    s->about->user_ns = o.user_ns;
    s->about->denied = a.denied;
    s->cgroup_path = std::move(o.cgroup_path);
    for (const auto &[plugin, settings] : s->rules->settings) {
        deputy_container added{};
        added.struct_size = sizeof added;
        added.cgroup = o.cgroup.get();
        added.id = s->about->id;
        added.user_ns = s->about->user_ns;
        added.name = s->about->name.c_str();
        added.settings = settings.c_str();
        added.wait_killable = s->about->wait_killable ? 1 : 0;
        try {
            plugin->container_added(added);
        } catch (...) {
            tell_gone(*s);
            throw;
        }
        s->told.push_back(plugin);
    }
    return s;
}

nlohmann::json containers::serve(const key &k, const arrival &a, const std::shared_ptr<served> &s,
                                 std::unique_ptr<channel> c, std::function<void()> ended,
                                 const keep_record &keep)
{
    nlohmann::json record = {{"socket", a.socket},
                             {"key", a.key},
                             {"name", a.name},
                             {"policy", s->rules->name},
                             {"uid", a.sender.uid},
                             {"gid", a.sender.gid},
                             {"user_ns", s->about->user_ns},
                             {"cgroup", s->cgroup_path}};
    if (s->about->denied) {
        record["denied"] = s->about->denied->word();
    }
    const bool is_new = by_key_.try_emplace(k, s).second;
    ++s->listeners;
    // The table lives as long as a lane uses it: the lane holds what holds it.
    const std::shared_ptr<const handler_table> handlers(s->rules, &s->rules->handlers);
    try {
        if (keep) {
            keep(record);
        }
        host_.serve(s->about, handlers, std::move(c), [this, k, ended = std::move(ended)] {
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
        log().info("{}: served under policy {}, cgroup {}", s->about->name, s->rules->name,
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
    return serve(k, a, make(a, find_origin(a.pid, a.sender)), std::move(c), std::move(ended), keep);
}

nlohmann::json containers::restore(const nlohmann::json &record, std::unique_ptr<channel> c,
                                   std::function<void()> ended)
{
    arrival a;
    a.socket = record.at("socket");
    a.key = record.at("key");
    a.name = record.at("name");
    a.policy = record.at("policy");
    a.denied = denied_by(record.value("denied", std::string()));
    a.sender.uid = record.at("uid");
    a.sender.gid = record.at("gid");
    const key k(a.socket, a.sender.uid, a.key);
    const auto found = by_key_.find(k);
    if (found != by_key_.end()) {
        return serve(k, a, found->second, std::move(c), std::move(ended), {});
    }
    origin o;
    o.user_ns = record.at("user_ns");
    o.cgroup_path = record.at("cgroup");
    o.cgroup = open_cgroup(o.cgroup_path);
    return serve(k, a, make(a, std::move(o)), std::move(c), std::move(ended), {});
}

std::vector<container_entry> containers::entries() const
{
    std::vector<container_entry> all;
    for (const auto &[k, s] : by_key_) {
        all.push_back(
            {s->about->id, s->about->name, s->rules->name, std::get<0>(k), s->cgroup_path, s->since});
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
