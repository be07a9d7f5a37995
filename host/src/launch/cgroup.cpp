// SPDX-License-Identifier: Apache-2.0
#include "launch/cgroup.hpp"

#include <chrono>
#include <climits>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <memory>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/log.hpp"
#include "base/mount_table.hpp"
#include "launch/fail.hpp"

namespace deputyd
{
namespace
{

using clock = std::chrono::steady_clock;
using deputy::unique_fd;

constexpr auto patience = std::chrono::seconds(10); ///< for killed tasks to go
constexpr int open_directory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string contents(const char *file)
{
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// A cgroup2 file system that is mounted nowhere: for hosts that mount none where we see it.
unique_fd detached_cgroup2()
{
    const unique_fd fs(fsopen("cgroup2", FSOPEN_CLOEXEC));
    if (!fs || fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        fail_feature("mount cgroup2", "cgroup2 file system", "4.5");
    }
    unique_fd mount(fsmount(fs.get(), FSMOUNT_CLOEXEC, 0));
    must(mount.get(), "mount cgroup2");
    return unique_fd(must(openat(mount.get(), ".", open_directory), "open cgroup2"));
}

/// The directory of this process's own cgroup.
unique_fd own_cgroup()
{
    const std::string path = cgroup2_path(contents("/proc/self/cgroup"));
    if (path.empty()) {
        throw std::runtime_error("this host has no cgroup2 hierarchy: boot a kernel that has it");
    }
    for (const mount_entry &m : mount_table()) {
        if (m.type == "cgroup2" && m.root == "/") {
            unique_fd own(open((m.point + path).c_str(), open_directory));
            if (own && faccessat(own.get(), "cgroup.procs", F_OK, 0) == 0) {
                return own;
            }
        }
    }
    const unique_fd root = detached_cgroup2();
    const std::string below = "." + path;
    unique_fd own(openat(root.get(), below.c_str(), open_directory));
    if (!own) {
        fail("open the own cgroup " + path);
    }
    return own;
}

bool write_file(int directory, const char *name, std::string_view text) noexcept
{
    const unique_fd file(openat(directory, name, O_WRONLY | O_CLOEXEC));
    return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// Waits until no task is left in the cgroup and below it.
void wait_empty(int directory, clock::time_point until) noexcept
{
    const unique_fd events(openat(directory, "cgroup.events", O_RDONLY | O_CLOEXEC));
    while (events) {
        char text[256];
        const ssize_t n = pread(events.get(), text, sizeof text - 1, 0);
        if (n <= 0) {
            return;
        }
        text[n] = '\0';
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now()).count();
        if (std::strstr(text, "populated 0") != nullptr || left <= 0) {
            return;
        }
        pollfd changed{events.get(), POLLPRI, 0};
        poll(&changed, 1, static_cast<int>(left));
    }
}

void remove_children(int directory, clock::time_point until) noexcept;

bool remove_directory(int parent, const char *name, clock::time_point until) noexcept
{
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
        return true;
    }
    const unique_fd directory(openat(parent, name, open_directory));
    if (!directory) {
        return errno == ENOENT;
    }
    remove_children(directory.get(), until);
    // A task that has just exited can hold its cgroup for a moment after "populated 0".
    while (unlinkat(parent, name, AT_REMOVEDIR) != 0) {
        if (errno == ENOENT) {
            return true;
        }
        if (errno != EBUSY || clock::now() >= until) {
            return false;
        }
        write_file(directory.get(), "cgroup.kill", "1");
        poll(nullptr, 0, 1);
    }
    return true;
}

void remove_children(int directory, clock::time_point until) noexcept
{
    const int copy = openat(directory, ".", open_directory);
    if (copy < 0) {
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR *)> listing(fdopendir(copy), &closedir);
    if (!listing) {
        close(copy);
        return;
    }
    while (const dirent *entry = readdir(listing.get())) {
        if (entry->d_type == DT_DIR && std::strcmp(entry->d_name, ".") != 0 &&
            std::strcmp(entry->d_name, "..") != 0) {
            remove_directory(directory, entry->d_name, until);
        }
    }
}

} // namespace

bool remove_cgroup(int parent, const char *name) noexcept
{
    const auto until = clock::now() + patience;
    const unique_fd directory(openat(parent, name, open_directory));
    if (!directory) {
        return errno == ENOENT;
    }
    write_file(directory.get(), "cgroup.freeze", "0");
    write_file(directory.get(), "cgroup.kill", "1");
    wait_empty(directory.get(), until);
    return remove_directory(parent, name, until);
}

cgroup::cgroup(std::uint32_t owner) : parent_(own_cgroup())
{
    for (unsigned n = 0; !directory_; ++n) {
        name_ = "deputy-" + std::to_string(getpid()) + (n == 0 ? "" : "." + std::to_string(n));
        if (mkdirat(parent_.get(), name_.c_str(), 0755) == 0) {
            directory_.reset(openat(parent_.get(), name_.c_str(), open_directory));
            if (!directory_) {
                fail("open cgroup " + name_);
            }
        } else if (errno != EEXIST) {
            fail("make a cgroup below the own one");
        }
    }
    try {
        delegate(owner);
    } catch (...) {
        remove();
        throw;
    }
}

void cgroup::delegate(std::uint32_t owner) const
{
    if (faccessat(directory_.get(), "cgroup.kill", F_OK, 0) != 0) {
        fail_feature("supervise a container", "cgroup.kill", "5.14", ENOSYS);
    }
    std::istringstream files(". cgroup.procs cgroup.threads cgroup.subtree_control\n" +
                             contents("/sys/kernel/cgroup/delegate"));
    for (std::string file; files >> file;) {
        if (fchownat(directory_.get(), file.c_str(), owner, owner, AT_SYMLINK_NOFOLLOW) != 0 &&
            errno != ENOENT) {
            fail("give " + file + " of the cgroup to the container");
        }
    }
}

void cgroup::kill() const noexcept
{
    write_file(directory_.get(), "cgroup.freeze", "0");
    write_file(directory_.get(), "cgroup.kill", "1");
}

void cgroup::remove() noexcept
{
    if (!directory_) {
        return;
    }
    directory_.reset();
    if (!remove_cgroup(parent_.get(), name_.c_str())) {
        log().warn("cgroup {} could not be removed: {}", name_, std::strerror(errno));
    }
}

} // namespace deputyd
