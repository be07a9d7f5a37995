// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_SERVICES_HPP
#define DEPUTY_TESTING_FAKE_SERVICES_HPP

/// @file
/// The fake host's extension tables, and the services that need no call; a part of
/// deputy/testing/fake_host.hpp.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "fake_host.hpp"

// Parts of it.
#include "fake_caller.hpp"
#include "fake_effects.hpp"
#include "fake_paths.hpp"

namespace deputy::testing
{
namespace detail
{

/// Functions of deputy.counters/1 and deputy.settings/1, in the order of the headers.
struct host_services {
    static std::int32_t declare(const deputy_host *raw, const char *name, const char *,
                                std::uint32_t *ret_counter)
    {
        auto &h = fake_host::of(raw);
        const std::lock_guard hold(h.mutex_);
        const std::string_view text = name;
        const bool valid = !text.empty() && text.size() < 64 && text[0] >= 'a' && text[0] <= 'z' &&
                           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == text.npos;
        if (!valid || h.ready_) {
            return valid ? -EBUSY : -EINVAL;
        }
        if (h.counts_.size() >= 256 || h.counters_.count(name) != 0) {
            return h.counters_.count(name) != 0 ? -EEXIST : -ENOSPC;
        }
        *ret_counter = static_cast<std::uint32_t>(h.counts_.size());
        h.counters_[name] = *ret_counter;
        h.counts_.push_back(0);
        return 0;
    }
    static void add(const deputy_host *raw, std::uint32_t counter, std::uint64_t n)
    {
        auto &h = fake_host::of(raw);
        const std::lock_guard hold(h.mutex_);
        if (counter < h.counts_.size()) {
            h.counts_[counter] += n;
        }
    }

    template <class T> static const T *setting(const deputy_host *raw, std::uint64_t container,
                                               const char *pointer, std::int32_t &ret_error)
    {
        auto &h = fake_host::of(raw);
        return h.settings.get<T>(container, pointer, ret_error);
    }
    static std::int32_t boolean(const deputy_host *raw, std::uint64_t container, const char *pointer,
                                std::int32_t *ret)
    {
        std::int32_t error = 0;
        if (const bool *v = setting<bool>(raw, container, pointer, error)) {
            *ret = *v ? 1 : 0;
        }
        return error;
    }
    static std::int32_t integer(const deputy_host *raw, std::uint64_t container, const char *pointer,
                                std::int64_t *ret)
    {
        std::int32_t error = 0;
        if (const std::int64_t *v = setting<std::int64_t>(raw, container, pointer, error)) {
            *ret = *v;
        }
        return error;
    }
    static std::int32_t string(const deputy_host *raw, std::uint64_t container, const char *pointer,
                               const char **ret)
    {
        std::int32_t error = 0;
        if (const std::string *v = setting<std::string>(raw, container, pointer, error)) {
            *ret = v->c_str();
        }
        return error;
    }
    static std::int32_t count(const deputy_host *raw, std::uint64_t container, const char *pointer,
                              std::uint32_t *ret)
    {
        const std::int32_t n = fake_host::of(raw).settings.count(container, pointer);
        if (n >= 0) {
            *ret = static_cast<std::uint32_t>(n);
        }
        return std::min(n, 0);
    }
};

/// The extension table with this id, or nullptr.
inline const void *find_table(std::string_view id)
{
    static constexpr deputy_act_v1 act = {&path_services::mknod, &path_services::open, &path_services::unlink,
                                          &path_services::cover};
    static constexpr deputy_caller_v1 caller = {&caller_services::read,        &caller_services::read_string,
                                                &caller_services::read_struct, &caller_services::write,
                                                &caller_services::privileges,  &caller_services::identity,
                                                &caller_services::groups};
    static constexpr deputy_counters_v1 counters = {&host_services::declare, &host_services::add};
    static constexpr deputy_defer_v1 defer = {&effect_services::defer, &effect_services::complete,
                                              &effect_services::block, &effect_services::interrupted};
    static constexpr deputy_describe_v1 describe = {&effect_services::wanted, &effect_services::object,
                                                    &effect_services::reason};
    static constexpr deputy_descriptor_v1 descriptor = {&caller_services::get_descriptor};
    static constexpr deputy_effect_v1 effect = {&effect_services::commit, &effect_services::keep,
                                                &effect_services::kept};
    static constexpr deputy_path_v1 path = {&path_services::resolve, &path_services::parent,
                                            &path_services::name};
    static constexpr deputy_process_v1 process = {&effect_services::watch};
    static constexpr deputy_settings_v1 settings = {&host_services::boolean, &host_services::integer,
                                                    &host_services::string, &host_services::count};
    static constexpr std::pair<std::string_view, const void *> tables[] = {
        {DEPUTY_EXT_ACT_1, &act},           {DEPUTY_EXT_CALLER_1, &caller},
        {DEPUTY_EXT_COUNTERS_1, &counters}, {DEPUTY_EXT_DEFER_1, &defer},
        {DEPUTY_EXT_DESCRIBE_1, &describe}, {DEPUTY_EXT_DESCRIPTOR_1, &descriptor},
        {DEPUTY_EXT_EFFECT_1, &effect},     {DEPUTY_EXT_PATH_1, &path},
        {DEPUTY_EXT_PROCESS_1, &process},   {DEPUTY_EXT_SETTINGS_1, &settings}};
    for (const auto &[name, table] : tables) {
        if (name == id) {
            return table;
        }
    }
    return nullptr;
}

} // namespace detail
} // namespace deputy::testing

#endif
