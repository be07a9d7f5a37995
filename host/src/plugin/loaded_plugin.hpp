// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <deputy/plugin.h>

#include "plugin/container_settings.hpp"
#include "plugin/counters.hpp"
#include "plugin/manifest.hpp"

namespace deputyd
{

/// A table of services that plugins can ask for by id.
struct extension {
    const char *id;
    const void *table; ///< static storage
};

/// A handler as a plugin registered it; lives as long as its plugin, which is for ever.
struct handler {
    class loaded_plugin *plugin;
    std::string syscall;
    std::vector<deputy_predicate> predicates;
    deputy_handle_fn handle;
    deputy_undo_fn undo;
    std::uint32_t off_error = 0; ///< errno for calls that come while it is off; 0: the kernel may decide
};

/// As it is shown: PLUGIN.SYSCALL; "none" for nullptr, the handler of calls that no plugin takes.
std::string name_of(const handler *by);

/// Whether all predicates hold for these arguments, each at its kernel width.
bool matches(std::span<const deputy_predicate> predicates, const std::uint64_t (&args)[6]) noexcept;

/// A plugin that has been accepted, created and has registered its handlers.
class loaded_plugin
{
public:
    /// Runs the plugin's life up to register_handlers.
    /// @param extensions static storage.
    /// @throw std::runtime_error naming the plugin, the reason and the remedy.
    loaded_plugin(manifest m, const deputy_plugin_v1 &description, std::span<const extension> extensions);
    ~loaded_plugin(); ///< drains and destroys it; the object stays mapped
    loaded_plugin(const loaded_plugin &) = delete;
    loaded_plugin &operator=(const loaded_plugin &) = delete;

    /// The plugin to which a host's services were given. Any thread.
    static loaded_plugin &of(const deputy_host *host) { return *static_cast<const services *>(host)->plugin; }

    const std::string &name() const { return manifest_.name; }
    const std::string &version() const { return manifest_.version; }
    const manifest &about() const { return manifest_; }
    const char *settings_schema() const { return description_.settings_schema; }
    std::span<const std::unique_ptr<handler>> handlers() const { return handlers_; }
    const container_settings &settings() const { return settings_; }
    counters &own_counters() { return counters_; }
    const counters &own_counters() const { return counters_; }
    bool may_continue() const { return (manifest_.capabilities & DEPUTY_CAP_CONTINUE) != 0; }

    /// Main thread; throws like the constructor, and may be tried again then.
    void ready();
    bool is_ready() const { return is_ready_; }
    void container_added(const deputy_container &added); ///< main thread; throws like the constructor
    void container_gone(std::uint64_t id);               ///< main thread

    void container_exec(std::uint64_t id); ///< main thread
    void call_gone(std::uint64_t ticket);  ///< any thread; one at a time
    bool hears_of_processes() const { return description_.process_gone != nullptr; }
    /// Any thread; one at a time, and none once container_gone() has begun.
    void process_gone(std::uint64_t container, std::uint64_t process);

    /// Runs h for a call under the plugin's thread model. Any lane.
    deputy_verdict handle(const handler &h, deputy_call &call, const deputy_syscall &syscall,
                          deputy_answer &answer);
    /// Runs h's undo under the plugin's thread model. Any lane.
    void undo(const handler &h, deputy_call &call, const void *token, std::uint64_t size);

private:
    struct services : deputy_host {
        loaded_plugin *plugin;
    };
    static std::int32_t add_handler(void *context, const deputy_handler *raw);
    /// Runs a callback that returns 0 or a negative errno. @throw std::runtime_error if it fails.
    template <class Callback> void require(std::string_view what, Callback &&callback);
    void register_handlers();
    std::unique_lock<std::mutex> turn(std::uint64_t container);
    void forget(std::uint64_t container) noexcept;

    manifest manifest_;
    deputy_plugin_v1 description_{};
    std::span<const extension> extensions_;
    services services_{};
    void *state_ = nullptr;
    bool is_ready_ = false;
    std::vector<std::unique_ptr<handler>> handlers_;
    container_settings settings_;
    counters counters_;
    std::mutex serial_;
    std::mutex call_gone_;
    std::mutex process_gone_;
    std::set<std::uint64_t> containers_; ///< that it knows; under process_gone_
    std::mutex turns_mutex_;
    std::map<std::uint64_t, std::unique_ptr<std::mutex>> turns_; ///< PER_CONTAINER
};

} // namespace deputyd
