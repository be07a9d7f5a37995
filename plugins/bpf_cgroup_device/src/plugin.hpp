// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include <deputy/plugin.hpp>

#include "cgroup_tree.hpp"
#include "kernel.hpp"
#include "pace.hpp"
#include "programs.hpp"
#include "settings.hpp"

namespace bpf_cgroup_device
{

/// What the plugin knows of a container. The buckets are guarded by their owners, the rest is immutable.
struct container_state {
    std::uint64_t id = 0;
    std::string name;
    settings set;
    std::optional<own_cgroup> cgroup;           ///< none: nothing can be attached, so nothing is loaded
    token_bucket loads{pacer::for_container()}; ///< guarded by the pacer
    std::atomic<bool> shut_off{false}; ///< the host's log has been told that its programs are not in effect
    std::mutex lines_mutex;
    token_bucket lines{64, 8}; ///< of the host's log, that refusals may fill
};

/// What an undo needs: what was done to which program where.
struct effect {
    enum kind_of : std::uint32_t { nothing, made_stand_in, attached, detached };
    std::uint32_t kind = nothing;
    std::uint32_t flags = 0;
    std::uint64_t serial = 0;   ///< of the program
    std::uint64_t replaced = 0; ///< serial of the program whose place it took, or 0
    std::uint64_t cgroup = 0;   ///< id
};

/// bpf() for containers that load and attach device programs of their own.
///
/// One handler a command. Locks are held around this plugin's tables alone, never while the caller's
/// memory is touched: that may block for ever.
class plugin
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = bpf_cgroup_device::settings_schema;

    explicit plugin(deputy::host host);
    /// For tests. @param all_loads paces the loads of all containers together.
    plugin(deputy::host host, std::unique_ptr<kernel> k, const token_bucket &all_loads = pacer::for_all());
    ~plugin();
    plugin(const plugin &) = delete;
    plugin &operator=(const plugin &) = delete;

    template <class Registrar> void register_handlers(Registrar &r)
    {
        on<&plugin::load, &plugin::undo>(r, BPF_PROG_LOAD);
        // The kernel asks no privilege of who attaches or detaches: it never decides these alone.
        on<&plugin::attach, &plugin::undo>(r, BPF_PROG_ATTACH, EPERM);
        on<&plugin::detach, &plugin::undo>(r, BPF_PROG_DETACH, EPERM);
        on<&plugin::get_next_id>(r, BPF_PROG_GET_NEXT_ID);
        on<&plugin::get_fd_by_id, &plugin::undo>(r, BPF_PROG_GET_FD_BY_ID);
        on<&plugin::get_info>(r, BPF_OBJ_GET_INFO_BY_FD);
        on<&plugin::query>(r, BPF_PROG_QUERY);
        on<&plugin::link>(r, BPF_LINK_CREATE, EPERM);
        on<&plugin::link>(r, BPF_LINK_UPDATE, EPERM);
        on<&plugin::link>(r, BPF_LINK_DETACH, EPERM);
    }
    void ready();
    void container_added(const deputy_container &container);
    void container_gone(std::uint64_t id);
    void drain();

    deputy::answer load(deputy::call &call);
    deputy::answer attach(deputy::call &call);
    deputy::answer detach(deputy::call &call);
    deputy::answer query(deputy::call &call);
    deputy::answer get_fd_by_id(deputy::call &call);
    deputy::answer get_next_id(deputy::call &call);
    deputy::answer get_info(deputy::call &call);
    deputy::answer link(deputy::call &call);
    void undo(const deputy::undo_request &request);

    /// What the plugin's own thread does from time to time while programs are attached.
    void look_after_attached();
    program_table &programs() { return programs_; }

private:
    using container_ptr = std::shared_ptr<container_state>;
    struct load_request;
    struct change;

    template <auto Handle, auto Undo = nullptr, class Registrar>
    static void on(Registrar &r, std::uint32_t command, std::uint32_t off_error = 0)
    {
        const std::array<deputy_predicate, 1> is_command = {deputy::equals32(0, command)};
        r.template on<Handle, Undo>("bpf", is_command, off_error);
    }

    [[nodiscard]] container_ptr find(std::uint64_t id) const;
    /// Reports containers whose programs something above has shut off since they were attached.
    void look_above();
    /// A line of the host's log about a refusal.
    void report(container_state &c, const std::string &text);

    deputy::result<void> read_load(deputy::call &call, container_state &c, load_request &want);
    deputy::result<void> may_load(container_state &c, const load_request &want, std::uint64_t capabilities);
    deputy::result<deputy::unique_fd> do_load(deputy::call &call, container_state &c, load_request &want);
    deputy::result<void> refuse_program(deputy::call &call, container_state &c, const load_request &want);
    deputy::result<void> write_log(deputy::call &call, const load_request &want, std::string_view log,
                                   std::optional<std::uint32_t> true_size);
    deputy::result<loaded> paced_load(container_state &c, const load_request &want, std::span<char> log);
    deputy::result<deputy::unique_fd> keep(deputy::call &call, container_state &c, std::uint64_t serial,
                                           deputy::unique_fd fd);

    deputy::result<program_ptr> program_of(deputy::call &call, container_state &c, std::int32_t fd);
    deputy::result<target> target_of(deputy::call &call, container_state &c, std::int32_t fd);
    deputy::result<void> check_attach(container_state &c, change &todo);
    deputy::result<void> do_attach(container_state &c, change &todo);
    deputy::result<void> do_detach(deputy::call &call, container_state &c, change &todo);
    bool still_restricted(container_state &c, const change &todo);
    void undo_attach(container_state &c, const effect &e, const program_ptr &p);
    void undo_detach(container_state &c, const effect &e, const program_ptr &p);

    deputy::host host_;
    std::unique_ptr<kernel> kernel_;
    program_table programs_;
    pacer pacer_;
    mutable std::shared_mutex containers_mutex_;
    std::unordered_map<std::uint64_t, container_ptr> containers_;
    std::thread collector_;
    std::atomic<bool> ending_ = false;
};

/// Attach types of cgroups, also those newer than this header: of others the target is no cgroup.
bool is_cgroup_attach_type(std::uint32_t type);

/// Whether the caller has a capability, or CAP_SYS_ADMIN, which implies it for bpf().
bool has(std::uint64_t capabilities, unsigned capability);

} // namespace bpf_cgroup_device
