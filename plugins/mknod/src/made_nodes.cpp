// SPDX-License-Identifier: Apache-2.0
#include "made_nodes.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>

namespace mknod_plugin
{
namespace
{

/// Whether a call is the same one again: same thread, instruction and arguments.
bool is_same(const deputy_syscall &a, const deputy_syscall &b)
{
    return a.tid != 0 && a.tid == b.tid && a.arch == b.arch && a.nr == b.nr &&
           a.instruction_pointer == b.instruction_pointer &&
           std::equal(std::begin(a.args), std::end(a.args), std::begin(b.args));
}

} // namespace

file_identity file_identity::of(const struct stat &st)
{
    return {st.st_dev, st.st_ino, st.st_mode & S_IFMT, st.st_rdev, st.st_ctim};
}

bool file_identity::operator==(const file_identity &other) const
{
    return file_system == other.file_system && inode == other.inode && type == other.type &&
           device == other.device && made.tv_sec == other.made.tv_sec && made.tv_nsec == other.made.tv_nsec;
}

deputy::result<file_identity> identify(int directory, const char *name)
{
    struct stat st {
    };
    if (::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0) {
        return deputy::error{errno};
    }
    file_identity who = file_identity::of(st);
    if (S_ISDIR(st.st_mode)) {
        who.made = {}; // of a directory that changes with every file that is made in it
    }
    return who;
}

deputy::result<void> made_node::make(int directory, const std::function<deputy::result<bool>()> &make)
{
    const std::lock_guard hold(mutex_);
    const auto taken_over = make();
    if (!taken_over) {
        return deputy::error{taken_over.error_number()};
    }
    if (const auto node = identify(directory, name_.c_str()); node) {
        node_ = *node;
        state_ = state::made;
        taken_over_ = *taken_over;
    }
    return {}; // if somebody has removed it already, that is none of our business
}

bool made_node::adopt(const deputy_syscall &again, std::uint64_t serial, int directory,
                      const std::string &name)
{
    const std::lock_guard hold(mutex_);
    const bool under_way = serial < finished_;
    if (state_ != state::made || (taken_over_ && !under_way) || !is_same(by_, again) || name != name_) {
        return false;
    }
    const auto place = identify(directory, "");
    const auto found = identify(directory, name.c_str());
    if (!place || !found || !(*place == directory_) || !(*found == node_)) {
        return false;
    }
    state_ = state::adopted;
    return true;
}

void made_node::finish(std::uint64_t next)
{
    const std::lock_guard hold(mutex_);
    finished_ = next;
}

bool made_node::is_by_same_call(const deputy_syscall &other) const
{
    return is_same(by_, other);
}

deputy::result<void>
made_node::cover(int directory, const std::function<deputy::result<void>(const file_identity &node)> &bind)
{
    const std::lock_guard hold(mutex_);
    if (state_ != state::made) {
        return deputy::error{ESRCH};
    }
    if (const auto bound = bind(node_); !bound) {
        return bound;
    }
    if (const auto shown = identify(directory, name_.c_str()); shown) {
        node_ = *shown;
    }
    return {};
}

void made_node::undo(int directory, const std::function<deputy::result<void>(const char *name)> &unlink)
{
    const std::lock_guard hold(mutex_);
    if (state_ != state::made) {
        return;
    }
    const auto found = identify(directory, name_.c_str());
    if (found && *found == node_) {
        // Where the caller may not remove what it made, as in an append-only directory, it stays.
        const int failed = unlink(name_.c_str()).error_number();
        if (failed == ESRCH || failed == ECANCELED) {
            return;
        }
    }
    state_ = state::undone;
}

std::uint64_t made_nodes::add(const node_ptr &node, std::uint32_t tid)
{
    const std::lock_guard hold(mutex_);
    if (by_serial_.size() == limit) {
        by_serial_.erase(by_serial_.begin());
    }
    by_serial_.emplace_hint(by_serial_.end(), next_, entry{node, tid});
    return next_++;
}

made_nodes::node_ptr made_nodes::find(std::uint64_t serial) const
{
    const std::lock_guard hold(mutex_);
    const auto it = by_serial_.find(serial);
    return it == by_serial_.end() ? nullptr : it->second.node;
}

std::vector<made_nodes::node_ptr> made_nodes::before(std::uint64_t serial, std::uint32_t tid) const
{
    std::vector<node_ptr> all;
    const std::lock_guard hold(mutex_);
    for (auto it = by_serial_.rbegin(); it != by_serial_.rend(); ++it) {
        if (it->first < serial && it->second.tid == tid) {
            all.push_back(it->second.node);
        }
    }
    return all;
}

std::uint64_t made_nodes::next() const
{
    const std::lock_guard hold(mutex_);
    return next_;
}

} // namespace mknod_plugin
