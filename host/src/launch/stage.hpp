// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <sys/types.h>

#include <deputy/plugin.hpp>

#include "launch/file_systems.hpp"

namespace deputyd
{

/// A mount namespace in which the host, with all its rights, lays out a container's tree: the container's
/// root at /root, and at /proc and /sys plain ones of the host, without which the kernel lets the container
/// mount none of its own. While the object lives, the process is in that namespace.
///
/// A child cloned meanwhile with new user and mount namespaces gets a copy whose mounts are locked: its root
/// can neither take them off, to see what is below, nor make a read-only one writable. The superblocks of
/// /tmp, /run and /dev are the host's, so that device nodes on them can be opened.
class stage
{
public:
    /// Call while the process has one thread.
    /// @param base host id of the container's root. @throw std::runtime_error.
    stage(const file_systems &wanted, std::uint32_t base);
    stage(const stage &) = delete;
    stage &operator=(const stage &) = delete;

private:
    /// The host's mount namespace, working directory and umask; goes back there in the end.
    struct home {
        deputy::unique_fd mount_ns;
        deputy::unique_fd directory;
        mode_t umask;
        home();
        ~home();
    };

    void enter();
    void lay_out(const file_systems &wanted);
    void strip_host_tree();
    void make_point(const std::string &path, mode_t mode, bool directory) const;
    void add_tmpfs(const char *path, const char *mode);
    void add_dev();
    void add_bind(const bind_option &bind, int mount);
    deputy::unique_fd idmapped(const std::string &path);

    std::uint32_t base_;
    bool host_tree_;
    deputy::unique_fd mapping_; ///< user namespace of the ids, made on first need
    home home_;
    deputy::unique_fd root_; ///< the container's root, attached
};

} // namespace deputyd
