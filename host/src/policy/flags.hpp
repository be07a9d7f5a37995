// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugin/plugin_set.hpp"

namespace deputyd
{

/// Enable flags: which handlers are on. Each names "plugin" or "plugin.syscall"; a later one wins over an
/// earlier one. Nothing is on at first.
class flags
{
public:
    /// @param list names separated by commas. @throw std::runtime_error if one is not of that form.
    void enable(std::string_view list) { add(list, true); }
    void disable(std::string_view list) { add(list, false); }

    /// The plugins that an enabling flag names, each once, in order.
    std::vector<std::string> plugins() const;

    /// The handlers that are on, in the order of plugins and registration.
    /// @throw std::runtime_error naming a plugin that is not loaded or has no such system call.
    std::vector<const handler *> select(const plugin_set &plugins) const;

private:
    struct flag {
        std::string plugin;
        std::string syscall; ///< empty: all of them
        bool on;
    };
    void add(std::string_view list, bool on);
    static void check(const flag &f, const plugin_set &plugins);

    std::vector<flag> flags_;
};

} // namespace deputyd
