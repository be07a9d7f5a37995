// SPDX-License-Identifier: Apache-2.0
#include "plugin/loaded_plugin.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <nlohmann/json.hpp>
#include <seccomp.h>

#include "base/errno_name.hpp"
#include "base/log.hpp"
#include "caller/call.hpp"
#include "plugin/callback.hpp"
#include "plugin/setting_defaults.hpp"

namespace deputyd
{
namespace
{

std::uint64_t low_half(std::uint64_t value)
{
    return value & 0xffffffffu;
}

bool valid(const deputy_predicate &p)
{
    const bool masked = p.op == DEPUTY_OP_MASKED_EQ;
    const bool fits =
        p.width == 64 || (p.width == 32 && low_half(p.value) == p.value && low_half(p.mask) == p.mask);
    return p.argument <= 5 && fits && p.reserved == 0 && (masked || p.op == DEPUTY_OP_EQ) &&
           (masked || p.mask == 0) && (!masked || (p.value & ~p.mask) == 0);
}

/// libseccomp takes one comparison an argument in a rule.
bool distinct(std::span<const deputy_predicate> predicates)
{
    std::uint32_t seen = 0;
    for (const auto &p : predicates) {
        if ((seen & (1u << p.argument)) != 0) {
            return false;
        }
        seen |= 1u << p.argument;
    }
    return true;
}

spdlog::level::level_enum level_of(std::int32_t level)
{
    switch (level) {
    case DEPUTY_LOG_ERROR:
        return spdlog::level::err;
    case DEPUTY_LOG_WARNING:
        return spdlog::level::warn;
    case DEPUTY_LOG_INFO:
        return spdlog::level::info;
    default:
        return spdlog::level::debug;
    }
}

/// @param given a JSON object, or nullptr for none.
nlohmann::json complete_settings(const loaded_plugin &plugin, const char *given)
{
    const auto parsed = [&](const char *text, const char *what) {
        auto json = nlohmann::json::parse(text, nullptr, false);
        if (!json.is_object()) {
            throw std::runtime_error(fmt::format("plugin {}: its {} no JSON object", plugin.name(), what));
        }
        return json;
    };
    auto settings = parsed(given == nullptr ? "{}" : given, "settings are");
    if (plugin.settings_schema() != nullptr) {
        fill_in_defaults(parsed(plugin.settings_schema(), "settings_schema is"), settings);
    }
    return settings;
}

} // namespace

std::string name_of(const handler *by)
{
    return by == nullptr ? "none" : fmt::format("{}.{}", by->plugin->name(), by->syscall);
}

bool matches(std::span<const deputy_predicate> predicates, const std::uint64_t (&args)[6]) noexcept
{
    return std::all_of(predicates.begin(), predicates.end(), [&](const deputy_predicate &p) {
        const std::uint64_t value = p.width == 32 ? low_half(args[p.argument]) : args[p.argument];
        return (p.op == DEPUTY_OP_MASKED_EQ ? value & p.mask : value) == p.value;
    });
}

loaded_plugin::loaded_plugin(manifest m, const deputy_plugin_v1 &description,
                             std::span<const extension> extensions)
    : manifest_(std::move(m)), extensions_(extensions)
{
    const std::size_t size = std::min<std::size_t>(description.struct_size, sizeof description_);
    std::memcpy(&description_, &description, size);
    if (description_.create == nullptr || description_.register_handlers == nullptr ||
        description_.destroy == nullptr || description_.threads > DEPUTY_THREADS_PARALLEL) {
        throw std::runtime_error(
            fmt::format("plugin {}: its description lacks create, register_handlers or destroy, "
                        "or names an unknown thread model",
                        manifest_.name));
    }
    services_.struct_size = sizeof(deputy_host);
    services_.abi_minor = DEPUTY_ABI_MINOR;
    services_.plugin = this;
    services_.extension = [](const deputy_host *host, const char *id) -> const void * {
        for (const auto &e : of(host).extensions_) {
            if (std::strcmp(e.id, id) == 0) {
                return e.table;
            }
        }
        return nullptr;
    };
    services_.log_enabled = [](const deputy_host *, std::int32_t level) -> std::int32_t {
        return deputyd::log().should_log(level_of(level)) ? 1 : 0;
    };
    services_.log = [](const deputy_host *host, std::int32_t level, const char *text,
                       std::uint64_t text_size) {
        deputyd::log().log(level_of(level), "{}: {}", of(host).name(), escaped({text, text_size}));
    };
    require("create", [&] { return description_.create(&services_, &state_); });
    try {
        register_handlers();
    } catch (...) {
        description_.destroy(state_);
        throw;
    }
}

template <class Callback> void loaded_plugin::require(std::string_view what, Callback &&callback)
{
    if (const auto r = run_callback(name(), what, callback); r != 0) {
        throw std::runtime_error(fmt::format("plugin {}: {} failed: {}; its log lines above say more", name(),
                                             what, std::generic_category().message(-r)));
    }
}

void loaded_plugin::register_handlers()
{
    const deputy_registrar registrar{sizeof registrar, 0, this, &loaded_plugin::add_handler};
    require("register_handlers", [&] { return description_.register_handlers(state_, &registrar); });
}

loaded_plugin::~loaded_plugin()
{
    if (description_.drain != nullptr) {
        description_.drain(state_);
    }
    description_.destroy(state_);
}

std::int32_t loaded_plugin::add_handler(void *context, const deputy_handler *raw)
{
    auto &self = *static_cast<loaded_plugin *>(context);
    deputy_handler given{};
    if (raw == nullptr) {
        return -EINVAL;
    }
    std::memcpy(&given, raw, std::min<std::size_t>(raw->struct_size, sizeof given));
    const auto refuse = [&](std::int32_t number, std::string_view reason) {
        deputyd::log().error("{}: handler refused: {}", self.name(), reason);
        return number;
    };
    if (given.syscall == nullptr || given.handle == nullptr) {
        return refuse(-EINVAL, "it lacks the system call's name or the function");
    }
    if (std::find(self.manifest_.syscalls.begin(), self.manifest_.syscalls.end(), given.syscall) ==
        self.manifest_.syscalls.end()) {
        return refuse(-EINVAL, fmt::format("{} is not in its manifest", escaped(given.syscall)));
    }
    if (seccomp_syscall_resolve_name(given.syscall) == __NR_SCMP_ERROR) {
        return refuse(-ENOENT, fmt::format("libseccomp knows no system call {}", given.syscall));
    }
    if (given.predicate_count > 6 || (given.predicate_count > 0 && given.predicates == nullptr)) {
        return refuse(-EINVAL, "it has more than six predicates");
    }
    const std::span<const deputy_predicate> predicates(given.predicates, given.predicate_count);
    if (!std::all_of(predicates.begin(), predicates.end(), valid) || !distinct(predicates)) {
        return refuse(-EINVAL, fmt::format("a predicate of {} is not valid", given.syscall));
    }
    if (given.off_error > std::uint32_t{highest_errno}) {
        return refuse(-EINVAL, fmt::format("off_error of {} is {}, which is no errno: 0 or 1 to {}",
                                           given.syscall, given.off_error, highest_errno));
    }
    if (given.reserved != 0) {
        return refuse(-EINVAL, fmt::format("reserved of {} is not 0", given.syscall));
    }
    self.handlers_.push_back(std::make_unique<handler>(handler{&self,
                                                               given.syscall,
                                                               {predicates.begin(), predicates.end()},
                                                               given.handle,
                                                               given.undo,
                                                               given.off_error}));
    return 0;
}

void loaded_plugin::ready()
{
    if (description_.ready != nullptr) {
        require("ready", [&] { return description_.ready(state_); });
    }
    counters_.close();
    is_ready_ = true;
}

void loaded_plugin::container_added(const deputy_container &added)
{
    settings_.add(added.id, complete_settings(*this, added.settings));
    {
        const std::lock_guard lock(turns_mutex_);
        turns_[added.id] = std::make_unique<std::mutex>();
    }
    try {
        if (description_.container_added != nullptr) {
            require(fmt::format("container_added for {}", added.name),
                    [&] { return description_.container_added(state_, &added); });
        }
    } catch (...) {
        forget(added.id);
        throw;
    }
    const std::lock_guard lock(process_gone_);
    containers_.insert(added.id);
}

void loaded_plugin::container_exec(std::uint64_t id)
{
    if (description_.container_exec != nullptr) {
        description_.container_exec(state_, id);
    }
}

void loaded_plugin::container_gone(std::uint64_t id)
{
    {
        const std::lock_guard lock(process_gone_);
        containers_.erase(id);
    }
    if (description_.container_gone != nullptr) {
        description_.container_gone(state_, id);
    }
    forget(id);
}

void loaded_plugin::forget(std::uint64_t container) noexcept
{
    settings_.remove(container);
    const std::lock_guard lock(turns_mutex_);
    turns_.erase(container);
}

void loaded_plugin::process_gone(std::uint64_t container, std::uint64_t process)
{
    const std::lock_guard one(process_gone_);
    if (description_.process_gone != nullptr && containers_.contains(container)) {
        description_.process_gone(state_, container, process);
    }
}

void loaded_plugin::call_gone(std::uint64_t ticket)
{
    if (description_.call_gone != nullptr) {
        const std::lock_guard one(call_gone_);
        description_.call_gone(state_, ticket);
    }
}

std::unique_lock<std::mutex> loaded_plugin::turn(std::uint64_t container)
{
    if (description_.threads == DEPUTY_THREADS_PARALLEL) {
        return {};
    }
    if (description_.threads == DEPUTY_THREADS_SERIAL) {
        return std::unique_lock(serial_);
    }
    std::mutex *mine = nullptr;
    {
        const std::lock_guard lock(turns_mutex_);
        const auto found = turns_.find(container);
        mine = found == turns_.end() ? &serial_ : found->second.get();
    }
    return std::unique_lock(*mine);
}

deputy_verdict loaded_plugin::handle(const handler &h, deputy_call &call, const deputy_syscall &syscall,
                                     deputy_answer &answer)
{
    const auto held = turn(syscall.container);
    return h.handle(state_, &call, &syscall, &answer);
}

void loaded_plugin::undo(const handler &h, deputy_call &call, const void *token, std::uint64_t size)
{
    const auto held = turn(call.syscall.container);
    h.undo(state_, &call, &call.syscall, token, size);
}

} // namespace deputyd
