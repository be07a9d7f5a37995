// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>

#include <deputy/plugin.hpp>
#include <nlohmann/json_fwd.hpp>

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_SETTINGS_1.
extern const deputy_settings_v1 settings_table;

/// One plugin's settings, by container. Any thread.
class container_settings
{
public:
    /// @param complete with the defaults filled in.
    void add(std::uint64_t container, nlohmann::json complete);
    void remove(std::uint64_t container) noexcept;

    /// @param pointer JSON Pointer.
    /// @return the value, which stays until remove(), or ENOENT.
    [[nodiscard]] deputy::result<const nlohmann::json *> find(std::uint64_t container,
                                                              const char *pointer) const;

private:
    mutable std::shared_mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<const nlohmann::json>> by_container_;
};

} // namespace deputyd
