// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_PLUGIN_HPP
#define DEPUTY_TESTING_FAKE_PLUGIN_HPP

/// @file
/// A plugin under test on a fake host. See deputy/testing/kit.hpp.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/audit.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

#include "fake_host.hpp"

namespace deputy::testing
{

/// The C description of a plugin class, as DEPUTY_PLUGIN would export it.
template <plugin_class P> const deputy_plugin_v1 &table_of()
{
    return deputy::detail::description<P>::table;
}

/// A system call.
struct request {
    std::string name;
    std::array<std::uint64_t, 6> args{};
    std::uint64_t container = 1;
    std::uint32_t arch = AUDIT_ARCH_X86_64;
    std::int32_t nr = 0; ///< handlers are chosen by name
    std::uint64_t instruction_pointer = 0x401000;
};

/// A handler as the plugin registered it.
struct registered_handler {
    std::string syscall;
    std::vector<deputy_predicate> predicates;
    deputy_handle_fn handle;
    deputy_undo_fn undo;
    std::uint32_t off_error;
};

/// What became of a call.
struct outcome : reply {
    bool committed = false;
    std::vector<std::byte> token; ///< as last committed
    unique_fd kept;               ///< what the handler keeps for undo
    std::uint64_t ticket = 0;     ///< of a deferred call, for fake_host::deferred
    std::string object;           ///< what the handler said that it is about
    std::string reason;           ///< and why it answered so
    deputy_syscall syscall{};
    deputy_undo_fn undo = nullptr;
};

/// A plugin from create to destroy. Throws std::system_error where a callback fails.
class fake_plugin
{
public:
    /// @param table may be of another size, as those of plugins built earlier or later are.
    fake_plugin(fake_host &host, const deputy_plugin_v1 &table) : host_(host)
    {
        std::memcpy(&table_, &table, std::min<std::size_t>(table.struct_size, sizeof table_));
        check(table_.create(host_.raw(), &plugin_), "create");
        const page_end registrar(deputy_registrar{sizeof(deputy_registrar), 0, this, &add});
        const std::int32_t r = table_.register_handlers(plugin_, registrar.get());
        if (r < 0) {
            table_.destroy(plugin_);
        }
        check(r, "register_handlers");
    }
    ~fake_plugin()
    {
        if (table_.drain != nullptr) {
            table_.drain(plugin_);
        }
        table_.destroy(plugin_);
    }
    fake_plugin(const fake_plugin &) = delete;
    fake_plugin &operator=(const fake_plugin &) = delete;

    /// Lets the plugin start its threads.
    void ready()
    {
        if (table_.ready != nullptr) {
            check(table_.ready(plugin_), "ready");
        }
        const std::lock_guard hold(host_.mutex_);
        host_.ready_ = true;
    }
    /// @param settings deputy_container.settings; deputy.settings/1 has those of fake_host::settings.
    void add_container(std::uint64_t id, int cgroup = -1, const std::string &settings = "{}")
    {
        const std::string name = "container-" + std::to_string(id);
        const page_end c(deputy_container{sizeof(deputy_container), cgroup, id, 1000 + id, name.c_str(),
                                          settings.c_str(), host_.wait_killable ? 1U : 0U, 0});
        host_.settings.add_container(id);
        if (table_.container_added != nullptr) {
            check(table_.container_added(plugin_, c.get()), "container_added");
        }
    }
    void remove_container(std::uint64_t id)
    {
        if (table_.container_gone != nullptr) {
            table_.container_gone(plugin_, id);
        }
        host_.settings.remove_container(id);
    }
    /// A process is started in the container by exec.
    void exec(std::uint64_t container)
    {
        if (table_.container_exec != nullptr) {
            table_.container_exec(plugin_, container);
        }
    }
    /// The process with this tgid ends. @return whether the plugin watched it, and was told.
    bool end_process(std::uint32_t tgid, std::uint64_t container = 1)
    {
        std::uint64_t process = 0;
        {
            const std::lock_guard hold(host_.mutex_);
            const auto found = host_.watched_.extract(tgid);
            process = found.empty() ? 0 : found.mapped();
        }
        if (process != 0) {
            table_.process_gone(plugin_, container, process);
        }
        return process != 0;
    }
    /// The caller of a deferred call has gone: the plugin is told, if it has not answered.
    void tell_gone(std::uint64_t ticket)
    {
        if (host_.deferred.remove(ticket) && table_.call_gone != nullptr) {
            table_.call_gone(plugin_, ticket);
        }
    }

    /// Makes a call; it goes to the first handler whose predicates hold, as in the host.
    /// @throw std::out_of_range if there is none: the call would not be intercepted.
    outcome call(const request &what)
    {
        const registered_handler &h = find(what);
        detail::fake_call c{&host_, what.container, h.undo != nullptr, table_.process_gone != nullptr,
                            host_.clock.now()};
        outcome out;
        out.syscall = syscall_of(what);
        const page_end syscall(out.syscall);
        const page_end answer(deputy_answer{sizeof(deputy_answer), 0, 0, -1, 0, -1, 0});
        const deputy_verdict verdict = h.handle(plugin_, c.raw(), syscall.get(), answer.get());
        static_cast<reply &>(out) = detail::take(verdict, *answer);
        if (c.blocked) {
            host_.deferred.leave(what.container);
        }
        out.committed = c.committed;
        out.token = std::move(c.token);
        out.kept = std::move(c.kept);
        out.ticket = c.ticket;
        out.object = std::move(c.object);
        out.reason = std::move(c.reason);
        out.undo = h.undo;
        return out;
    }
    outcome call(const std::string &name, const std::array<std::uint64_t, 6> &args,
                 std::uint64_t container = 1)
    {
        return call(request{name, args, container});
    }
    /// As the host does when the answer was lost: the descriptor is closed, then undo is called.
    void lose(outcome &out)
    {
        out.fd.reset();
        undo(out, true);
    }
    /// The same by a host that was started anew, which has the token alone.
    void lose_after_restart(outcome &out)
    {
        out.fd.reset();
        out.kept.reset();
        undo(out, false);
    }

    [[nodiscard]] const std::vector<registered_handler> &handlers() const { return handlers_; }

private:
    static void check(std::int32_t r, const char *what)
    {
        if (r < 0) {
            throw std::system_error(-r, std::system_category(), what);
        }
    }
    static std::int32_t add(void *context, const deputy_handler *raw)
    {
        deputy_handler h{};
        std::memcpy(&h, raw, std::min<std::size_t>(raw->struct_size, sizeof h));
        if (h.syscall == nullptr || h.handle == nullptr || h.predicate_count > 6) {
            return -EINVAL;
        }
        static_cast<fake_plugin *>(context)->handlers_.push_back(
            {h.syscall, {h.predicates, h.predicates + h.predicate_count}, h.handle, h.undo, h.off_error});
        return 0;
    }
    static bool holds(const deputy_predicate &p, const std::array<std::uint64_t, 6> &args)
    {
        const std::uint64_t whole = args.at(p.argument);
        const std::uint64_t value = p.width == 32 ? whole & 0xffffffff : whole;
        return (p.op == DEPUTY_OP_MASKED_EQ ? value & p.mask : value) == p.value;
    }
    [[nodiscard]] const registered_handler &find(const request &what) const
    {
        for (const auto &h : handlers_) {
            if (h.syscall == what.name && std::all_of(h.predicates.begin(), h.predicates.end(),
                                                      [&](const auto &p) { return holds(p, what.args); })) {
                return h;
            }
        }
        throw std::out_of_range("no handler for this call of " + what.name);
    }
    [[nodiscard]] deputy_syscall syscall_of(const request &what) const
    {
        deputy_syscall s{};
        s.struct_size = sizeof s;
        s.arch = what.arch;
        s.nr = what.nr;
        s.tid = host_.identity.tid;
        s.container = what.container;
        s.instruction_pointer = what.instruction_pointer;
        std::copy(what.args.begin(), what.args.end(), s.args);
        return s;
    }
    void undo(outcome &out, bool with_call)
    {
        if (!out.committed || out.undo == nullptr) {
            return;
        }
        detail::fake_call c{&host_, out.syscall.container, false, false, host_.clock.now()};
        c.undoing = true;
        c.kept = std::move(out.kept);
        const page_end syscall(out.syscall);
        out.undo(plugin_, with_call ? c.raw() : nullptr, syscall.get(), out.token.data(), out.token.size());
        out.committed = false;
    }

    fake_host &host_;
    deputy_plugin_v1 table_{};
    void *plugin_ = nullptr;
    std::vector<registered_handler> handlers_;
};

} // namespace deputy::testing

#endif
