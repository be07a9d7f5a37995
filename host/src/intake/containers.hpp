// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/event_loop.hpp"
#include "intake/arrival.hpp"
#include "notify/channel.hpp"
#include "notify/host.hpp"
#include "plugin/plugin_set.hpp"
#include "policy/policies.hpp"

namespace deputyd
{

/// A container that is served, as an operator sees it.
struct container_entry {
    std::uint64_t id;
    std::string name;
    std::string policy;
    std::string socket; ///< through which it came
    std::string cgroup;
    std::chrono::system_clock::time_point since; ///< served by this host
};

/// The containers that are served: which listeners belong together, under which policy, and when the last of
/// them is gone. Main thread.
class containers
{
public:
    /// All outlive this.
    /// @param first_id of the containers' ids, which go on from there.
    containers(host &serving, const plugin_set &plugins, event_loop &loop, std::uint64_t first_id = 1);
    ~containers();
    containers(const containers &) = delete;
    containers &operator=(const containers &) = delete;

    /// Takes policies for containers that arrive from now on. Those that are there keep theirs.
    /// @throw config_error if a policy does not fit the plugins; then nothing has changed.
    void use(std::shared_ptr<const policies> p);

    /// Takes what restore() needs, as JSON, just before a listener is served.
    using keep_record = std::function<void(const nlohmann::json &record)>;

    /// Serves a listener, of a new container or one that is there.
    /// @param ended called on the main thread when the listener has ended.
    /// @return the record.
    /// @throw std::runtime_error with the reason for the log; the channel is closed then.
    nlohmann::json adopt(const arrival &a, std::unique_ptr<channel> c, std::function<void()> ended,
                         const keep_record &keep = {});
    /// The same for a listener that an earlier host served, by the record of its adoption.
    nlohmann::json restore(const nlohmann::json &record, std::unique_ptr<channel> c,
                           std::function<void()> ended);

    std::size_t count() const { return by_key_.size(); }
    /// In the order of their ids.
    std::vector<container_entry> entries() const;

private:
    using key = std::tuple<std::string, uid_t, std::string>; ///< socket, sender, arrival::key
    struct ruled { ///< a policy as it applies to this host's plugins
        std::string name;
        handler_table handlers;
        std::vector<std::pair<loaded_plugin *, std::string>> settings;
    };
    struct served {
        std::shared_ptr<container> about;
        std::shared_ptr<const ruled> rules;
        std::string cgroup_path;
        std::chrono::system_clock::time_point since = std::chrono::system_clock::now();
        std::vector<loaded_plugin *> told; ///< of the container; to be told of its end
        std::size_t listeners = 0;
    };

    std::shared_ptr<const ruled> rules(const std::string &policy) const;
    std::shared_ptr<served> make(const arrival &a, origin o);
    nlohmann::json serve(const key &k, const arrival &a, const std::shared_ptr<served> &s,
                         std::unique_ptr<channel> c, std::function<void()> ended, const keep_record &keep);
    void listener_ended(const key &k);
    static void tell_gone(served &s);

    host &host_;
    const plugin_set &plugins_;
    event_loop &loop_;
    std::map<std::string, std::shared_ptr<const ruled>> rules_;
    std::map<key, std::shared_ptr<served>> by_key_;
    std::uint64_t next_id_;
};

} // namespace deputyd
