// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_SETTINGS_HPP
#define DEPUTY_TESTING_FAKE_SETTINGS_HPP

/// @file
/// Settings of the fake host's containers.

#include <cerrno>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace deputy::testing
{

class fake_plugin;
namespace detail
{
struct host_services;
} // namespace detail

/// Values by JSON Pointer. What a test sets for container 0 are the schema's defaults, for all. Set them
/// before calls: reading is for any thread, as long as nobody sets.
class fake_settings
{
public:
    using value = std::variant<bool, std::int64_t, double, std::string>;

    /// Sets a value, as set(0, "/programs", 16).
    void set(std::uint64_t container, const std::string &pointer, value v)
    {
        values_[container].insert_or_assign(pointer, std::move(v));
    }
    /// Sets an array of values, as set_list(1, "/devices", {"c 1:3", "c 1:5"}).
    void set_list(std::uint64_t container, const std::string &pointer, const std::vector<value> &list)
    {
        auto &lists = lists_[container];
        lists.insert_or_assign(pointer, static_cast<std::uint32_t>(list.size()));
        for (std::size_t i = 0; i < list.size(); ++i) {
            set(container, pointer + "/" + std::to_string(i), list[i]);
        }
    }
    /// Sets an array of count objects, whose members are then set, as "/rules/0/path".
    void set_count(std::uint64_t container, const std::string &pointer, std::uint32_t count)
    {
        lists_[container].insert_or_assign(pointer, count);
    }

private:
    friend struct detail::host_services;
    friend class fake_plugin;

    void add_container(std::uint64_t container) { served_.insert(container); }
    void remove_container(std::uint64_t container) { served_.erase(container); }
    /// @return the value, or nullptr with a negative errno.
    template <class T>
    const T *get(std::uint64_t container, const std::string &pointer, std::int32_t &ret_error) const
    {
        const value *v = served_.count(container) == 0 ? nullptr : find(values_, container, pointer);
        const T *typed = v == nullptr ? nullptr : std::get_if<T>(v);
        ret_error = typed != nullptr ? 0 : v == nullptr ? -ENOENT : -EINVAL;
        if (v != nullptr && std::is_same_v<T, std::int64_t> && std::holds_alternative<double>(*v)) {
            ret_error = -ERANGE;
        }
        return typed;
    }
    /// @return how many entries an array has, or a negative errno.
    [[nodiscard]] std::int32_t count(std::uint64_t container, const std::string &pointer) const
    {
        if (served_.count(container) == 0) {
            return -ENOENT;
        }
        const std::uint32_t *n = find(lists_, container, pointer);
        if (n == nullptr) {
            return find(values_, container, pointer) == nullptr ? -ENOENT : -EINVAL;
        }
        return static_cast<std::int32_t>(*n);
    }

    template <class T> using table = std::map<std::uint64_t, std::map<std::string, T>>;

    /// The container's own, else the default. An array of its own replaces the default's entries.
    template <class T>
    const T *find(const table<T> &all, std::uint64_t container, const std::string &pointer) const
    {
        for (const std::uint64_t owner : {container, std::uint64_t{0}}) {
            const auto found = all.find(owner);
            if (found != all.end()) {
                if (const auto it = found->second.find(pointer); it != found->second.end()) {
                    return &it->second;
                }
            }
            if (replaces_above(owner, pointer)) {
                return nullptr;
            }
        }
        return nullptr;
    }
    /// Whether owner has an array that holds the pointer.
    [[nodiscard]] bool replaces_above(std::uint64_t owner, std::string pointer) const
    {
        const auto lists = lists_.find(owner);
        while (lists != lists_.end() && !pointer.empty()) {
            pointer.resize(pointer.find_last_of('/'));
            if (lists->second.count(pointer) != 0) {
                return true;
            }
        }
        return false;
    }

    std::set<std::uint64_t> served_;
    table<value> values_;
    table<std::uint32_t> lists_;
};

} // namespace deputy::testing

#endif
