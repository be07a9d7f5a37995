// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

#include "kernel.hpp"

namespace bpf_cgroup_device
{

/// A program that a container loaded. Immutable; lives as long as someone uses it.
struct program {
    std::uint64_t serial = 0;    ///< ours, never used twice
    std::uint64_t container = 0; ///< its owner
    std::uint32_t id = 0;        ///< the kernel's
    deputy::unique_fd fd;        ///< the real one, which never leaves the host; none for a feature probe

    [[nodiscard]] bool probe() const { return !fd; }
};
using program_ptr = std::shared_ptr<const program>;

/// Who owns which program, and which descriptors stand for it.
///
/// Whoever holds a real program descriptor can attach the program to any cgroup that it can open; the
/// kernel asks nothing else. So callers get the read end of a pipe instead, which is good for nothing and
/// belongs to the host's root. It is recognized by its inode, and the write end, which stays here, reports
/// when the last copy is closed, wherever that has got to.
///
/// A program lives while one of its stand-ins is open or it is attached somewhere. Any thread.
class program_table
{
public:
    program_table();

    std::uint64_t next_serial();

    /// Gives the container its quota. Programs of containers not added cannot be added.
    void add_container(std::uint64_t container, std::size_t quota);
    /// Forgets its programs: those still attached are the kernel's until their cgroup goes.
    void remove_container(std::uint64_t container);
    /// Whether one more program fits the quota.
    bool has_room(std::uint64_t container);

    /// Takes a program and makes its first stand-in.
    /// @return the caller's descriptor; ENOMEM (over the quota), or why there is no pipe.
    deputy::result<deputy::unique_fd> add(program_ptr p);
    /// Makes another stand-in. @return EMFILE if there are too many.
    deputy::result<deputy::unique_fd> stand_in(const program_ptr &p);

    /// The program that a descriptor stands for, also another container's; nullptr if none.
    program_ptr by_descriptor(int fd);
    program_ptr by_id(std::uint64_t container, std::uint32_t id);
    program_ptr by_serial(std::uint64_t serial);
    /// Keeps the container's own programs of a list, with their places in it.
    std::vector<std::size_t> owned(std::uint64_t container, const std::vector<std::uint32_t> &ids);

    /// Notes that a program is attached; cgroup is duplicated.
    void attached(const program_ptr &p, std::uint64_t cgroup_id, int cgroup);
    void detached(const program_ptr &p, std::uint64_t cgroup_id);
    /// The cgroup where the program is attached under this id, duplicated.
    std::optional<deputy::unique_fd> where_attached(const program_ptr &p, std::uint64_t cgroup_id);
    /// Closes what stands for a program, whose descriptors never reached the caller.
    void withdraw(std::uint64_t serial);

    /// Releases what has been closed, waiting for that at most so long (ms; -1 for ever).
    void collect(int timeout);
    /// Releases programs whose cgroup has been removed, or from which something else detached them.
    void collect_attached(kernel &k);
    /// Whether a program is attached, of any container or of one.
    bool any_attached(std::optional<std::uint64_t> container = {});
    /// Makes collect() return.
    void interrupt();

    /// For tests: programs alive, and stand-ins open.
    std::pair<std::size_t, std::size_t> count();

private:
    using inode = std::pair<std::uint64_t, std::uint64_t>;
    struct entry {
        program_ptr program;
        std::vector<inode> stand_ins;
        std::map<std::uint64_t, std::shared_ptr<deputy::unique_fd>> attached_at; ///< by cgroup id
    };
    struct open_stand_in {
        deputy::unique_fd write_end;
        std::uint64_t serial;
    };
    struct quota {
        std::size_t limit = 0;
        std::size_t programs = 0;
        std::size_t stand_ins = 0;
    };
    using entries = std::map<std::uint64_t, entry>;

    deputy::result<deputy::unique_fd> make_stand_in(entry &e, quota &q);
    void close_stand_in(const inode &which);
    void drop_if_unused(std::uint64_t serial);

    std::mutex mutex_;
    std::uint64_t last_serial_ = 0;
    std::map<std::uint64_t, quota> containers_;
    entries programs_;
    std::map<inode, open_stand_in> stand_ins_;
    std::map<int, inode> by_write_end_;
    deputy::unique_fd epoll_;
    deputy::unique_fd wake_;
};

} // namespace bpf_cgroup_device
