// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>

#include <deputy/plugin.hpp>

namespace mknod_plugin
{

/// Which file it is, on which file system.
struct file_identity {
    dev_t file_system = 0;
    ino_t inode = 0;
    mode_t type = 0;  ///< S_IFMT
    dev_t device = 0; ///< of a device node
    timespec made{};  ///< its last change: an inode number may be used again

    static file_identity of(const struct stat &st);
    bool operator==(const file_identity &other) const;
};

/// What stands at a name in a directory. @return an errno of fstatat(2).
deputy::result<file_identity> identify(int directory, const char *name);

/// A node that one call makes, for its undo and for the same call when a signal makes it come again.
class made_node
{
public:
    made_node(const deputy_syscall &by, const file_identity &directory, std::string name)
        : by_(by), directory_(directory), name_(std::move(name))
    {
    }

    /// The node is there.
    void made(const file_identity &node);
    /// Whether a call is the one that made this node, come again, and finds it. Says so once: the call is
    /// answered with success, and from then on nothing undoes it.
    bool adopt(const deputy_syscall &again, const file_identity &directory, const std::string &name,
               const file_identity &found);
    /// Removes the node unless it has been adopted or something else is in its place. May block.
    /// @param directory of the node.
    /// @param unlink removes a name from that directory.
    void undo(int directory, const std::function<deputy::result<void>(const char *name)> &unlink);

private:
    enum class state { pending, made, adopted, undone };

    std::mutex mutex_; ///< held while undo removes the node: the same call must not find it half removed
    state state_ = state::pending;
    const deputy_syscall by_;
    const file_identity directory_;
    const std::string name_;
    file_identity node_;
};

/// The nodes that a container's calls have made of late: as many as calls may wait for their undo or come
/// again. Any thread.
class made_nodes
{
public:
    using node_ptr = std::shared_ptr<made_node>;

    /// @return its serial number, for find().
    std::uint64_t add(const node_ptr &node, std::uint32_t tid);
    /// @return nullptr if it has been forgotten.
    [[nodiscard]] node_ptr find(std::uint64_t serial) const;
    /// The latest of a thread that is not this one, or nullptr.
    [[nodiscard]] node_ptr latest_before(std::uint64_t serial, std::uint32_t tid) const;

private:
    static constexpr std::size_t limit = 1024;

    struct entry {
        node_ptr node;
        std::uint32_t tid;
    };
    mutable std::mutex mutex_;
    std::map<std::uint64_t, entry> by_serial_;
    std::uint64_t next_ = 1;
};

} // namespace mknod_plugin
