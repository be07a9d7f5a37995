// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{

/// A plugin's object in memory, before anything of it but constructors and its entry point has run.
struct opened_plugin {
    manifest about;
    const deputy_plugin_v1 *description; ///< of the plugin; its struct_size counts
};

/// Reads the manifest of a file and says whether this host can serve it; runs nothing of it.
/// @throw std::runtime_error naming the file, the reason and the remedy.
manifest accepted_manifest(const std::filesystem::path &file);

/// Loads a shared object: manifest, ABI, owner and mode of the file, dlopen, query. Main thread.
/// @throw std::runtime_error like accepted_manifest().
opened_plugin open_plugin(const std::filesystem::path &file);

/// The plugins of a host. Main thread.
class plugin_set
{
public:
    explicit plugin_set(std::span<const extension> extensions) : extensions_(extensions) {}

    /// Loads a shared object: manifest, ABI, owner and mode of the file, dlopen, create, register.
    /// @throw std::runtime_error naming the file, the reason and the remedy.
    loaded_plugin &load(const std::filesystem::path &file);
    loaded_plugin *find(std::string_view name) const;
    std::span<const std::unique_ptr<loaded_plugin>> all() const { return plugins_; }
    /// Makes those ready that are not. @throw std::runtime_error if one fails; it may be tried again then.
    void ready();

private:
    std::span<const extension> extensions_;
    std::vector<std::unique_ptr<loaded_plugin>> plugins_;
};

} // namespace deputyd
