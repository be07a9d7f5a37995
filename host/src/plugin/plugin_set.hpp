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
    void ready();

private:
    std::span<const extension> extensions_;
    std::vector<std::unique_ptr<loaded_plugin>> plugins_;
};

} // namespace deputyd
