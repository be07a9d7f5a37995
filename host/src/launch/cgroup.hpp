// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Kills what runs in the cgroup2 directory name below parent, waits until it is empty and removes it with
/// all below it. @return whether it is gone.
bool remove_cgroup(int parent, const char *name) noexcept;

/// A new cgroup2 directory below this process's own cgroup, delegated to a container's root.
class cgroup
{
public:
    /// @param owner host id of the container's root, as user and as group.
    /// @throw std::runtime_error where the host has no cgroup2 or lets no child be made.
    explicit cgroup(std::uint32_t owner);
    ~cgroup() { remove(); }
    cgroup(const cgroup &) = delete;
    cgroup &operator=(const cgroup &) = delete;

    /// Kills all in it and removes it. Logs if it cannot. Does nothing the second time.
    void remove() noexcept;
    void kill() const noexcept;

    int directory() const noexcept { return directory_.get(); }
    int parent() const noexcept { return parent_.get(); }
    const std::string &name() const noexcept { return name_; }

private:
    void delegate(std::uint32_t owner) const;

    deputy::unique_fd parent_;
    deputy::unique_fd directory_;
    std::string name_;
};

} // namespace deputyd
