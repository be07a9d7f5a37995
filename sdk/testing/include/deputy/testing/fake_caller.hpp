// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_CALLER_HPP
#define DEPUTY_TESTING_FAKE_CALLER_HPP

/// @file
/// deputy.caller/1 and deputy.descriptor/1 of the fake host; a part of deputy/testing/fake_host.hpp.

#ifndef DEPUTY_TESTING_FAKE_HOST_HPP
#error "include deputy/testing/fake_host.hpp"
#endif

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <vector>

#include "fake_call.hpp"

namespace deputy::testing
{
namespace detail
{

/// The tables' functions, in the order of the headers.
struct caller_services {
    static std::int32_t read(deputy_call *raw, std::uint64_t address, void *buffer, std::uint64_t size)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.read"); r != 0) {
            return r;
        }
        return c.host->fake_memory::read(address, buffer, size) ? 0 : -EFAULT;
    }
    static std::int32_t read_string(deputy_call *raw, std::uint64_t address, char *buffer, std::uint64_t size)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.read_string"); r != 0) {
            return r;
        }
        for (std::uint64_t i = 0; i < size; ++i) {
            if (!c.host->fake_memory::read(address + i, buffer + i, 1)) {
                return -EFAULT;
            }
            if (buffer[i] == '\0') {
                return static_cast<std::int32_t>(i);
            }
        }
        return -ENAMETOOLONG;
    }
    static std::int32_t read_struct(deputy_call *raw, std::uint64_t address, std::uint64_t user_size,
                                    void *buffer, std::uint64_t known_size)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.read_struct"); r != 0) {
            return r;
        }
        if (user_size > fake_memory::page) {
            return -E2BIG;
        }
        std::vector<std::byte> bytes(user_size);
        if (!c.host->fake_memory::read(address, bytes.data(), user_size)) {
            return -EFAULT;
        }
        const auto extra = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(user_size, known_size));
        if (std::any_of(extra, bytes.end(), [](std::byte b) { return b != std::byte{0}; })) {
            return -E2BIG;
        }
        std::memset(buffer, 0, known_size);
        std::copy(bytes.begin(), extra, static_cast<std::byte *>(buffer));
        return 0;
    }
    static std::int32_t write(deputy_call *raw, std::uint64_t address, const void *buffer, std::uint64_t size)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.write"); r != 0) {
            return r;
        }
        return c.host->fake_memory::write(address, buffer, size) ? 0 : -EFAULT;
    }
    static std::int32_t privileges(deputy_call *raw, deputy_privileges *ret)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.privileges"); r != 0) {
            return r;
        }
        if (ret->struct_size < sizeof ret->struct_size) {
            return -EINVAL;
        }
        const auto &id = c.host->identity;
        const deputy_privileges p{sizeof p, id.in_container_user_ns, id.capabilities, id.user_ns};
        std::memcpy(ret, &p, std::min<std::size_t>(ret->struct_size, sizeof p));
        return 0;
    }
    static std::int32_t identity(deputy_call *raw, deputy_identity *ret)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.identity"); r != 0) {
            return r;
        }
        if (ret->struct_size < sizeof ret->struct_size) {
            return -EINVAL;
        }
        deputy_identity id = c.host->identity;
        id.group_count = static_cast<std::uint32_t>(c.host->groups.size());
        std::memcpy(ret, &id, std::min<std::size_t>(ret->struct_size, sizeof id));
        return 0;
    }
    static std::int32_t groups(deputy_call *raw, std::uint32_t *ret, std::uint32_t count)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("caller.groups"); r != 0) {
            return r;
        }
        const auto &all = c.host->groups;
        std::copy_n(all.begin(), std::min<std::size_t>(count, all.size()), ret);
        return static_cast<std::int32_t>(all.size());
    }

    static std::int32_t duplicate(int fd, std::int32_t *ret)
    {
        const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            return -errno;
        }
        *ret = copy;
        return 0;
    }
    static std::int32_t get_descriptor(deputy_call *raw, std::int32_t fd, std::int32_t *ret)
    {
        auto &c = fake_call::of(raw);
        if (const std::int32_t r = c.step("descriptor.get"); r != 0) {
            return r;
        }
        return c.host->has_descriptor(fd) ? duplicate(c.host->descriptor(fd), ret) : -EBADF;
    }
};

} // namespace detail
} // namespace deputy::testing

#endif
