// SPDX-License-Identifier: Apache-2.0
#include "host_node.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <linux/openat2.h>
#include <string>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace mknod_plugin
{
namespace
{

/// The name of a device's node below /dev, or nothing.
std::string kernel_name(const device &d)
{
    constexpr std::string_view key = "DEVNAME=";
    std::ifstream about("/sys/dev/" + std::string(d.block ? "block/" : "char/") + std::to_string(d.major) +
                        ":" + std::to_string(d.minor) + "/uevent");
    for (std::string line; std::getline(about, line);) {
        if (line.starts_with(key)) {
            return line.substr(key.size());
        }
    }
    return {};
}

/// Whether it is a node of this device, on a mount that lets it be opened.
bool is_node_of(int fd, const device &d)
{
    struct stat st {
    };
    struct statvfs fs {
    };
    return ::fstat(fd, &st) == 0 && ::fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NODEV) == 0 &&
           (d.block ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode)) && st.st_rdev == ::makedev(d.major, d.minor);
}

} // namespace

deputy::result<deputy::unique_fd> find_host_node(const device &d)
{
    const std::string name = kernel_name(d);
    const deputy::unique_fd dev(::open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    deputy::unique_fd node(
        static_cast<int>(::syscall(SYS_openat2, dev.get(), name.c_str(), &how, sizeof how)));
    if (!node || !is_node_of(node.get(), d)) {
        return deputy::error{ENODEV};
    }
    return node;
}

} // namespace mknod_plugin
