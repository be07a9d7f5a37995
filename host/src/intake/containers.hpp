// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/event_loop.hpp"
#include "intake/arrival.hpp"
#include "intake/rule_book.hpp"
#include "notify/channel.hpp"
#include "notify/host.hpp"

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

/// A container for which a handler is on now, and whose calls do not come or are not handled all the same.
struct unserved_container {
    std::string name;
    std::string handler; ///< PLUGIN.SYSCALL
    std::string reason;  ///< with the remedy
};

/// What a container's calls are handled by.
struct container_handling {
    std::string name;
    std::shared_ptr<const applied_policy> rules;
    std::set<std::string>
        led; ///< PLUGIN.SYSCALL that were on when it came, so that its filter leads them here
    std::set<std::string> refused; ///< plugins that are on and do not take it
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

    /// Takes the rules for containers that arrive from now on. Those that are there keep theirs.
    void use(rule_book book) noexcept { book_ = std::move(book); }
    const rule_book &book() const { return book_; }
    /// Takes rules that differ in the flags of one policy, and exchanges the handlers of its containers that
    /// are there. A plugin that they turn on and that refuses a container stays off there.
    /// @param change the flags that are new.
    /// @return the containers where what they turn on does not come to work.
    /// @throw std::runtime_error if a container's policy, of an earlier configuration, does not fit the
    ///        plugins; then nothing has changed.
    std::vector<unserved_container> use_flags(rule_book book, const std::string &policy, const flags &change);

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

    /// @param name its name or id. @throw std::runtime_error if no container, or more than one, has it.
    container_handling handling(const std::string &name) const;
    std::size_t count() const { return by_key_.size(); }
    /// In the order of their ids.
    std::vector<container_entry> entries() const;

private:
    using key = std::tuple<std::string, uid_t, std::string>; ///< socket, sender, arrival::key
    struct served {
        std::shared_ptr<container> about;
        std::shared_ptr<const applied_policy> rules;
        std::shared_ptr<const handler_table> handlers; ///< of the rules, without plugins that refuse it
        std::set<std::string> led;                     ///< as in container_handling
        std::set<std::string> refused;                 ///< likewise
        std::string cgroup_path;
        std::chrono::system_clock::time_point since = std::chrono::system_clock::now();
        std::vector<loaded_plugin *> told; ///< of the container; to be told of its end
        std::size_t listeners = 0;
    };

    std::shared_ptr<const applied_policy> rules(const std::string &policy) const;
    std::shared_ptr<served> begin(const arrival &a, const std::string &policy, const origin &o);
    std::shared_ptr<served> make(const arrival &a, const std::string &policy, const origin &o);
    std::shared_ptr<served> make_again(const arrival &a, const nlohmann::json &record);
    void tell_added(served &s, loaded_plugin &plugin, const std::string &settings, int cgroup);
    void tell_of_more(served &s, int cgroup, std::vector<unserved_container> &ret);
    nlohmann::json serve(const key &k, const arrival &a, const std::shared_ptr<served> &s,
                         std::unique_ptr<channel> c, std::function<void()> ended, const keep_record &keep);
    static deputy::unique_fd cgroup_of(const served &s);
    void listener_ended(const key &k);
    static void tell_gone(served &s);

    host &host_;
    const plugin_set &plugins_;
    event_loop &loop_;
    rule_book book_;
    std::map<key, std::shared_ptr<served>> by_key_;
    std::uint64_t next_id_;
};

} // namespace deputyd
