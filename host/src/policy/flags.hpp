// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugin/plugin_directory.hpp"
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

    /// Those of more, after these, which go where they have nothing more to say.
    void add(const flags &more);

    /// The plugins that an enabling flag names, each once, in order.
    std::vector<std::string> plugins() const;
    bool empty() const { return flags_.empty(); }

    /// Whether a handler is on, if it was so before these flags.
    bool is_on(const handler &h, bool before) const;
    /// Whether a flag names the handler or its plugin.
    bool names(const handler &h) const;
    /// Those that turn something off.
    flags disabling() const;
    /// Every plugin that a flag names, each once, in order.
    std::vector<std::string> named() const;
    /// @throw std::runtime_error naming a plugin that is not known or has no such system call.
    void check(const known_plugins &known) const;
    /// Options of a command line that say the same, and flags from those.
    std::vector<std::string> arguments() const;
    static flags of_arguments(const std::vector<std::string> &all);

    /// The handlers that are on, in the order of plugins and registration.
    /// @throw std::runtime_error naming a plugin that is not loaded or has no such system call.
    std::vector<const handler *> select(const plugin_set &plugins) const;

private:
    struct flag {
        std::string plugin;
        std::string syscall; ///< empty: all of them
        bool on;

        bool is_of(const handler &h) const;
    };
    void add(std::string_view list, bool on);
    static void check(const flag &f, const known_plugins &known);
    std::vector<std::string> plugins(bool only_enabling) const;

    std::vector<flag> flags_;
};

} // namespace deputyd
