// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <vector>

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

/// A node that one call makes, for its undo and for the same call when a signal makes it come again. That may
/// come while this one is still under way, whose answer nobody waits for then.
class made_node
{
public:
    made_node(const deputy_syscall &by, const file_identity &directory, std::string name)
        : by_(by), directory_(directory), name_(std::move(name))
    {
    }

    /// Makes the node, or takes over the one that the same call made before. May block.
    /// @param make says which of the two it has done.
    deputy::result<void> make(int directory, const std::function<deputy::result<bool>()> &make);
    /// Whether a call is the one that made this node, come again, and finds it: then the node is that call's,
    /// and nothing undoes it here. A node that has been taken over is given away only while its call is under
    /// way, so that of calls that follow each other one alone is answered so.
    /// @param serial of the call that comes again.
    bool adopt(const deputy_syscall &again, std::uint64_t serial, int directory, const std::string &name);
    /// The call is to be answered; never said of one whose answer nobody waits for.
    /// @param next serial number that a call would get now.
    void finish(std::uint64_t next);
    [[nodiscard]] bool is_by_same_call(const deputy_syscall &other) const;
    /// Covers the node with another, which then stands for it. May block.
    /// @param bind covers this node and no other.
    /// @return what bind says, or ESRCH: the node is another call's by now, or gone.
    deputy::result<void> cover(int directory,
                               const std::function<deputy::result<void>(const file_identity &node)> &bind);
    /// Removes the node unless it has been adopted or something else is in its place. May block.
    /// @param directory of the node.
    /// @param unlink removes a name from there; ESRCH and ECANCELED say that another undo is to come.
    void undo(int directory, const std::function<deputy::result<void>(const char *name)> &unlink);

private:
    enum class state { pending, made, adopted, undone };

    std::mutex mutex_; ///< held while the node changes: the same call must not find it half done
    state state_ = state::pending;
    bool taken_over_ = false;
    std::uint64_t finished_ = UINT64_MAX; ///< calls with this serial number and later ones came after it
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
    /// A thread's, with lower serial numbers than this; the latest first.
    [[nodiscard]] std::vector<node_ptr> before(std::uint64_t serial, std::uint32_t tid) const;
    /// The serial number that comes next.
    [[nodiscard]] std::uint64_t next() const;

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
