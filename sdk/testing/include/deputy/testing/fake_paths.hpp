// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_PATHS_HPP
#define DEPUTY_TESTING_FAKE_PATHS_HPP

/// @file
/// deputy.path/1 and deputy.act/1 of the fake host; a part of deputy/testing/fake_host.hpp.

#ifndef DEPUTY_TESTING_FAKE_HOST_HPP
#error "include deputy/testing/fake_host.hpp"
#endif

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>

#include "fake_call.hpp"

namespace deputy::testing
{
namespace detail
{

/// The tables' functions, in the order of the headers.
struct path_services {
    /// Passes a descriptor on, or a negative errno.
    static std::int32_t give(std::int32_t fd, std::int32_t *ret)
    {
        if (fd >= 0) {
            *ret = fd;
        }
        return std::min(fd, 0);
    }

    /// Where a path begins. @return a descriptor of the caller, -1 for its working directory, or -EBADF.
    static std::int32_t start_of(const fake_host &h, std::int32_t dirfd, const char *path)
    {
        if (dirfd == AT_FDCWD || path[0] == '/') {
            return -1;
        }
        return h.has_descriptor(dirfd) ? h.descriptor(dirfd) : -EBADF;
    }
    static std::int32_t resolve(deputy_call *raw, std::int32_t dirfd, const char *path, std::uint64_t flags,
                                std::int32_t *ret)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("path.resolve"); r != 0) {
            return r;
        }
        const std::int32_t start = start_of(*c.host, dirfd, path);
        return start == -EBADF ? start : give(c.host->files.resolve(start, path, flags), ret);
    }
    static std::int32_t parent(deputy_call *raw, std::int32_t dirfd, const char *path, deputy_last *ret_last,
                               std::int32_t *ret)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("path.parent"); r != 0) {
            return r;
        }
        const std::int32_t start = start_of(*c.host, dirfd, path);
        if (start == -EBADF) {
            return path[0] == '\0' ? -ENOENT : start;
        }
        deputy_last last{};
        last.struct_size = sizeof last;
        const std::int32_t fd = c.host->files.parent(start, path, last);
        if (fd >= 0) {
            std::memcpy(ret_last, &last, std::min<std::size_t>(ret_last->struct_size, sizeof last));
        }
        return give(fd, ret);
    }
    static std::int32_t name(deputy_call *raw, std::int32_t fd, char *buffer, std::uint64_t size)
    {
        auto &c = fake_call::of(raw);
        const std::int32_t r = c.step("path.name");
        return r != 0 ? r : c.host->files.name_of(fd, buffer, size);
    }

    static std::int32_t mknod(deputy_call *raw, std::int32_t directory, const char *name, std::uint32_t mode,
                              std::uint64_t device, std::uint64_t grant)
    {
        auto &c = fake_call::of(raw);
        const std::int32_t r = c.step("act.mknod");
        return r != 0 ? r
                      : c.host->files.mknod(directory, name, {mode & ~c.host->identity.umask, device, grant});
    }
    static std::int32_t open(deputy_call *raw, std::int32_t directory, const char *path, const open_how *how,
                             std::uint64_t how_size, std::uint64_t, std::int32_t *ret)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("act.open"); r != 0) {
            return r;
        }
        open_how mine{};
        std::memcpy(&mine, how, std::min<std::uint64_t>(how_size, sizeof mine));
        mine.mode &= ~std::uint64_t{c.host->identity.umask};
        return give(fake_files::open(directory, path, mine), ret);
    }
    static std::int32_t unlink(deputy_call *raw, std::int32_t directory, const char *name,
                               std::uint32_t flags, std::uint64_t)
    {
        auto &c = fake_call::of(raw);
        const std::int32_t r = c.undoing ? 0 : c.step("act.unlink");
        return r != 0 ? r : c.host->files.unlink(directory, name, flags);
    }
    static std::int32_t cover(deputy_call *raw, std::int32_t source, std::int32_t target)
    {
        auto &c = fake_call::of(raw);
        const std::int32_t r = c.step("act.cover");
        return r != 0 ? r : c.host->files.record_cover(source, target);
    }
};

} // namespace detail
} // namespace deputy::testing

#endif
