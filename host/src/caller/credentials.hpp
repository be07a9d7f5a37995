// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <linux/capability.h>
#include <sys/types.h>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

struct proc_status;

/// Gives the calling thread its own root, working directory and umask, and lets it change its
/// file-system ids without losing capabilities. Once, when the thread starts. What an ordinary user may
/// not do is left out; then as_caller and in_root refuse.
void own_thread_state() noexcept;

/// The calling thread has a caller's file-system ids and groups and no capability but those granted, until
/// this goes. A thread that cannot be given its own back ends the process: it must not go on as somebody
/// else.
class as_caller
{
public:
    /// @param grant 1 << CAP_*: capabilities of the thread that it keeps.
    explicit as_caller(const proc_status &caller, std::uint64_t grant = 0);
    ~as_caller();
    as_caller(const as_caller &) = delete;
    as_caller &operator=(const as_caller &) = delete;

    /// 0, or the negative errno for which nothing was changed.
    [[nodiscard]] std::int32_t status() const noexcept { return status_; }

private:
    std::int32_t enter(const proc_status &caller, std::uint64_t grant) noexcept;
    bool leave() noexcept;

    std::vector<std::uint32_t> groups_;
    std::uint32_t fsuid_ = 0;
    std::uint32_t fsgid_ = 0;
    __user_cap_data_struct capabilities_[2] = {};
    std::int32_t status_ = 0;
};

/// The calling thread has a caller's umask, until this goes.
class with_umask
{
public:
    explicit with_umask(std::uint32_t mask) noexcept;
    ~with_umask();
    with_umask(const with_umask &) = delete;
    with_umask &operator=(const with_umask &) = delete;
    [[nodiscard]] std::int32_t status() const noexcept { return status_; }

private:
    mode_t own_ = 0;
    std::int32_t status_ = 0;
};

/// The calling thread has a root directory of its own, until this goes; likewise.
class in_root
{
public:
    /// @param root a directory, O_PATH.
    explicit in_root(int root) noexcept;
    ~in_root();
    in_root(const in_root &) = delete;
    in_root &operator=(const in_root &) = delete;
    [[nodiscard]] std::int32_t status() const noexcept { return status_; }

private:
    bool leave() noexcept;

    int root_ = -1; ///< the thread's own
    int cwd_ = -1;
    std::int32_t status_ = 0;
};

/// The calling thread is in another mount namespace, at its root, until this goes; likewise.
class in_mount_ns
{
public:
    /// @param ns descriptor of the namespace.
    explicit in_mount_ns(int ns) noexcept;
    ~in_mount_ns();
    in_mount_ns(const in_mount_ns &) = delete;
    in_mount_ns &operator=(const in_mount_ns &) = delete;
    [[nodiscard]] std::int32_t status() const noexcept { return status_; }

private:
    deputy::unique_fd own_;
    deputy::unique_fd root_; ///< the thread's own
    deputy::unique_fd cwd_;
    std::int32_t status_ = 0;
};

} // namespace deputyd
