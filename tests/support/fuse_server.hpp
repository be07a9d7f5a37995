// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// A FUSE file system where every name is an empty directory, but "hang", of which nothing is ever heard.

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/caller_tree.hpp"

namespace deputy_test
{

namespace fuse_detail
{

inline void reply(int fuse, std::uint64_t unique, int error, const void *data = nullptr, std::size_t size = 0)
{
    char buffer[512];
    const fuse_out_header header{static_cast<std::uint32_t>(sizeof header + size), error, unique};
    std::memcpy(buffer, &header, sizeof header);
    if (size != 0) {
        std::memcpy(buffer + sizeof header, data, size);
    }
    [[maybe_unused]] const auto n = ::write(fuse, buffer, sizeof header + size);
}

inline fuse_attr directory(std::uint64_t node)
{
    fuse_attr a{};
    a.ino = node;
    a.mode = S_IFDIR | 0755;
    a.nlink = 2;
    return a;
}

inline void answer(int fuse, const fuse_in_header &in, const char *name)
{
    switch (in.opcode) {
    case FUSE_INIT: {
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = 31;
        out.max_write = 4096;
        return reply(fuse, in.unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
        if (std::string_view(name) == "hang") {
            return;
        }
        fuse_entry_out out{};
        out.nodeid = std::hash<std::string_view>{}(name) | 2;
        out.entry_valid = out.attr_valid = 3600;
        out.attr = directory(out.nodeid);
        return reply(fuse, in.unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR: {
        fuse_attr_out out{};
        out.attr_valid = 3600;
        out.attr = directory(in.nodeid);
        return reply(fuse, in.unique, 0, &out, sizeof out);
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return;
    default:
        return reply(fuse, in.unique, -ENOSYS);
    }
}

[[noreturn]] inline void serve(int fuse)
{
    alignas(8) static char request[65536 + 4096];
    for (;;) {
        const ssize_t size = ::read(fuse, request, sizeof request);
        if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) {
            if (errno == EINTR || errno == ENOENT) {
                continue;
            }
            ::_exit(0);
        }
        request[size] = '\0';
        answer(fuse, *reinterpret_cast<const fuse_in_header *>(request), request + sizeof(fuse_in_header));
    }
}

} // namespace fuse_detail

/// In the child of supervised: mounts it as the calling process, served by a child of that.
/// @param device a node of /dev/fuse.
inline void mount_fuse(const std::string &device, const std::string &place)
{
    const int fuse = ::open(device.c_str(), O_RDWR | O_CLOEXEC);
    need(fuse >= 0);
    const std::string options =
        "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=0,group_id=0,default_permissions";
    need(::mount("test", place.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0);
    const pid_t parent = ::getpid();
    if (::fork() == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() == parent) {
            fuse_detail::serve(fuse);
        }
        ::_exit(0);
    }
    ::close(fuse);
}

} // namespace deputy_test
