// SPDX-License-Identifier: Apache-2.0
// Raw system calls: glibc's wrapper of setfsuid does not say what it does to other threads.
#include "open_check.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <string>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>

#include "signals_blocked.hpp"

namespace mknod_plugin
{
namespace
{

/// Gives the calling thread, and no other, a file-system id that is not the owner's and the right to open
/// anything: it may then open a node, but not with O_NOATIME.
bool become_stranger(uid_t owner)
{
    const uid_t stranger = owner == 0 ? 1 : 0;
    ::syscall(SYS_setfsuid, stranger);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) != 0) {
        return false;
    }
    data[0].effective = 1U << CAP_DAC_OVERRIDE;
    data[1].effective = 0;
    return static_cast<uid_t>(::syscall(SYS_setfsuid, -1)) == stranger &&
           ::syscall(SYS_capset, &header, data) == 0;
}

/// The kernel looks at the file system (EACCES) before it looks at O_NOATIME (EPERM), and at that before it
/// calls the driver. @return the errno of the open, 0 if it was opened after all, or ENOTSUP.
int open_as_stranger(int node, uid_t owner)
{
    int number = ENOTSUP;
    std::thread([&] {
        if (!become_stranger(owner)) {
            return;
        }
        const std::string path = "/proc/thread-self/fd/" + std::to_string(node);
        const deputy::unique_fd fd(
            ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC));
        number = fd ? 0 : errno;
    }).join();
    return number;
}

} // namespace

deputy::result<bool> can_be_opened(int directory, const char *name)
{
    const deputy::unique_fd node(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {
    };
    struct statfs fs {
    };
    if (!node || ::fstat(node.get(), &st) != 0 || ::fstatfs(node.get(), &fs) != 0) {
        return deputy::error{errno};
    }
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) {
        return deputy::error{ENOENT}; // somebody has put something else in its place
    }
    // No user namespace can mount what has a block device, which Btrfs has without showing it.
    const bool has_block_device = major(st.st_dev) != 0 || fs.f_type == BTRFS_SUPER_MAGIC;
    if (has_block_device || (fs.f_flags & ST_NODEV) != 0) {
        return true;
    }
    const signals_blocked quiet;
    return open_as_stranger(node.get(), st.st_uid) != EACCES;
}

} // namespace mknod_plugin
