// SPDX-License-Identifier: Apache-2.0
#include "plugin/container_settings.hpp"

#include <cerrno>
#include <limits>
#include <mutex>
#include <new>

#include <nlohmann/json.hpp>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

/// Finds a setting and lets take read it. No exception gets out. @return 0 or a negative errno.
template <class Take> std::int32_t read_setting(const deputy_host *host, std::uint64_t container,
                                                const char *pointer, Take &&take) noexcept
try {
    if (pointer == nullptr) {
        return -EINVAL;
    }
    const auto found = loaded_plugin::of(host).settings().find(container, pointer);
    return found ? take(**found) : -found.error_number();
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

std::int32_t read_boolean(const deputy_host *host, std::uint64_t container, const char *pointer,
                          std::int32_t *ret_value)
{
    return read_setting(host, container, pointer, [&](const json &value) {
        if (!value.is_boolean()) {
            return -EINVAL;
        }
        *ret_value = value.get<bool>() ? 1 : 0;
        return 0;
    });
}

std::int32_t read_integer(const deputy_host *host, std::uint64_t container, const char *pointer,
                          std::int64_t *ret_value)
{
    return read_setting(host, container, pointer, [&](const json &value) {
        if (!value.is_number()) {
            return -EINVAL;
        }
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (value.is_number_float() || (value.is_number_unsigned() && value.get<std::uint64_t>() > most)) {
            return -ERANGE;
        }
        *ret_value = value.get<std::int64_t>();
        return 0;
    });
}

std::int32_t read_string(const deputy_host *host, std::uint64_t container, const char *pointer,
                         const char **ret_value)
{
    return read_setting(host, container, pointer, [&](const json &value) {
        if (!value.is_string()) {
            return -EINVAL;
        }
        const auto &text = value.get_ref<const std::string &>();
        if (text.find('\0') != text.npos) { // it would be cut, a path perhaps to another one
            return -EINVAL;
        }
        *ret_value = text.c_str();
        return 0;
    });
}

std::int32_t read_count(const deputy_host *host, std::uint64_t container, const char *pointer,
                        std::uint32_t *ret_count)
{
    return read_setting(host, container, pointer, [&](const json &value) {
        if (!value.is_structured()) {
            return -EINVAL;
        }
        *ret_count = static_cast<std::uint32_t>(value.size());
        return 0;
    });
}

} // namespace

const deputy_settings_v1 settings_table = {
    .boolean = read_boolean, .integer = read_integer, .string = read_string, .count = read_count};

void container_settings::add(std::uint64_t container, json complete)
{
    const std::unique_lock lock(mutex_);
    by_container_.emplace(container, std::make_shared<const json>(std::move(complete)));
}

void container_settings::remove(std::uint64_t container) noexcept
{
    const std::unique_lock lock(mutex_);
    by_container_.erase(container);
}

deputy::result<const json *> container_settings::find(std::uint64_t container, const char *pointer) const
{
    const std::shared_lock lock(mutex_);
    const auto found = by_container_.find(container);
    if (found == by_container_.end()) {
        return deputy::error{ENOENT};
    }
    try {
        return &found->second->at(json::json_pointer(pointer));
    } catch (const json::exception &) { // no pointer, or to nothing
        return deputy::error{ENOENT};
    }
}

} // namespace deputyd
