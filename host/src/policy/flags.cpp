// SPDX-License-Identifier: Apache-2.0
#include "policy/flags.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "plugin/manifest.hpp"

namespace deputyd
{

void flags::add(std::string_view list, bool on)
{
    for (;;) {
        const std::size_t comma = list.find(',');
        const std::string_view name = list.substr(0, comma);
        const std::size_t dot = name.find('.');
        const flag f{std::string(name.substr(0, dot)),
                     dot == name.npos ? std::string() : std::string(name.substr(dot + 1)), on};
        if (!is_name(f.plugin) || (dot != name.npos && !is_name(f.syscall))) {
            throw std::runtime_error(
                fmt::format("\"{}\" is no enable flag; write plugin or plugin.syscall, several with "
                            "commas, as in mknod,open.openat",
                            escaped(name)));
        }
        flags_.push_back(f);
        if (comma == list.npos) {
            return;
        }
        list.remove_prefix(comma + 1);
    }
}

void flags::add(const flags &more)
{
    for (const flag &f : more.flags_) {
        std::erase_if(flags_, [&](const flag &old) {
            return old.plugin == f.plugin && (f.syscall.empty() || old.syscall == f.syscall);
        });
        flags_.push_back(f);
    }
}

std::vector<std::string> flags::plugins(bool only_enabling) const
{
    std::vector<std::string> names;
    for (const auto &f : flags_) {
        if ((f.on || !only_enabling) && std::find(names.begin(), names.end(), f.plugin) == names.end()) {
            names.push_back(f.plugin);
        }
    }
    return names;
}

std::vector<std::string> flags::plugins() const
{
    return plugins(true);
}

std::vector<std::string> flags::named() const
{
    return plugins(false);
}

flags flags::disabling() const
{
    flags some = *this;
    std::erase_if(some.flags_, [](const flag &f) { return f.on; });
    return some;
}

void flags::check(const flag &f, const known_plugins &known)
{
    const auto plugin = known.find(f.plugin);
    if (plugin == known.end()) {
        std::vector<std::string> names;
        for (const auto &[name, syscalls] : known) {
            names.push_back(name);
        }
        throw std::runtime_error(
            fmt::format("no plugin {} is loaded{}", escaped(f.plugin), did_you_mean(f.plugin, names)));
    }
    const auto &syscalls = plugin->second;
    if (!f.syscall.empty() && std::find(syscalls.begin(), syscalls.end(), f.syscall) == syscalls.end()) {
        throw std::runtime_error(fmt::format("plugin {} handles no system call {}{}", f.plugin,
                                             escaped(f.syscall),
                                             nearest_of(f.syscall, syscalls, "It handles")));
    }
}

bool flags::flag::is_of(const handler &h) const
{
    return plugin == h.plugin->name() && (syscall.empty() || syscall == h.syscall);
}

bool flags::is_on(const handler &h, bool before) const
{
    bool on = before;
    for (const auto &f : flags_) {
        on = f.is_of(h) ? f.on : on;
    }
    return on;
}

bool flags::names(const handler &h) const
{
    return std::any_of(flags_.begin(), flags_.end(), [&](const flag &f) { return f.is_of(h); });
}

void flags::check(const known_plugins &known) const
{
    for (const auto &f : flags_) {
        check(f, known);
    }
}

std::vector<std::string> flags::arguments() const
{
    std::vector<std::string> all;
    for (const auto &f : flags_) {
        all.emplace_back(f.on ? "--enable" : "--disable");
        all.push_back(f.syscall.empty() ? f.plugin : f.plugin + "." + f.syscall);
    }
    return all;
}

flags flags::of_arguments(const std::vector<std::string> &all)
{
    flags f;
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        f.add(all[i + 1], all[i] == "--enable");
    }
    return f;
}

std::vector<const handler *> flags::select(const plugin_set &plugins) const
{
    check(installed_plugins(plugins, {})); // those that are loaded
    std::vector<const handler *> selected;
    for (const auto &plugin : plugins.all()) {
        for (const auto &h : plugin->handlers()) {
            if (is_on(*h, false)) {
                selected.push_back(h.get());
            }
        }
    }
    return selected;
}

} // namespace deputyd
