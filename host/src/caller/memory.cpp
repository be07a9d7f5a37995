// SPDX-License-Identifier: Apache-2.0
#include "caller/memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/uio.h>

#include "caller/pin.hpp"

namespace deputyd
{
namespace
{

constexpr std::uint64_t page = 4096; // larger ones are multiples of it

/// Copies what is readable before the first fault.
/// @return its size, or a negative errno other than -EFAULT.
ssize_t read_prefix(const deputy_call &call, std::uint64_t address, void *buffer, std::uint64_t size) noexcept
{
    if (call.syscall.tid == 0) {
        return -ESRCH;
    }
    if (size == 0) {
        return 0;
    }
    const iovec local{buffer, size};
    const iovec remote{reinterpret_cast<void *>(address), size};
    const ssize_t n = ::process_vm_readv(static_cast<pid_t>(call.syscall.tid), &local, 1, &remote, 1, 0);
    if (n >= 0) {
        return n;
    }
    return errno == EFAULT ? 0 : -errno;
}

bool all_zero(const char *bytes, std::size_t size) noexcept
{
    return std::all_of(bytes, bytes + size, [](char c) { return c == 0; });
}

/// What the kernel finds in the bytes past those that it knows: it looks at them first, and stops at
/// the first that is not zero or cannot be read.
std::int32_t judge_tail(const char *tail, std::size_t readable, std::size_t size) noexcept
{
    if (!all_zero(tail, readable)) {
        return -E2BIG;
    }
    return readable < size ? -EFAULT : 0;
}

/// The thread number may belong to another by now: bytes count only if the call is still valid, and that
/// it is not outranks what reading said.
std::int32_t confirmed(const deputy_call &call, std::int32_t r) noexcept
{
    const std::int32_t valid = check_valid(call);
    return valid < 0 ? valid : r;
}

} // namespace

std::int32_t read_memory(deputy_call *call, std::uint64_t address, void *buffer, std::uint64_t size)
{
    if (call->turn->answered()) {
        return -ECANCELED;
    }
    const ssize_t n = read_prefix(*call, address, buffer, size);
    if (n < 0) {
        return confirmed(*call, static_cast<std::int32_t>(n));
    }
    return confirmed(*call, static_cast<std::uint64_t>(n) < size ? -EFAULT : 0);
}

std::int32_t read_string(deputy_call *call, std::uint64_t address, char *buffer, std::uint64_t size)
{
    if (call->turn->answered()) {
        return -ECANCELED;
    }
    for (std::uint64_t filled = 0; filled < size;) {
        // To the end of the page only: the next one need not be there, and most names are short.
        const std::uint64_t want = std::min(size - filled, page - (address + filled) % page);
        const ssize_t n = read_prefix(*call, address + filled, buffer + filled, want);
        if (n < 0) {
            return confirmed(*call, static_cast<std::int32_t>(n));
        }
        const void *end = std::memchr(buffer + filled, '\0', static_cast<std::size_t>(n));
        if (end != nullptr) {
            return confirmed(*call, static_cast<std::int32_t>(static_cast<const char *>(end) - buffer));
        }
        if (static_cast<std::uint64_t>(n) < want) {
            return confirmed(*call, -EFAULT);
        }
        filled += want;
    }
    return confirmed(*call, -ENAMETOOLONG);
}

std::int32_t read_struct(deputy_call *call, std::uint64_t address, std::uint64_t user_size, void *buffer,
                         std::uint64_t known_size)
{
    if (call->turn->answered()) {
        return -ECANCELED;
    }
    if (user_size > page) {
        return -E2BIG;
    }
    char copy[page];
    ssize_t n = read_prefix(*call, address, copy, user_size);
    if (n < 0) {
        return confirmed(*call, static_cast<std::int32_t>(n));
    }
    auto readable = static_cast<std::uint64_t>(n);
    std::int32_t r = readable < user_size ? -EFAULT : 0;
    if (user_size > known_size) {
        const std::uint64_t tail = user_size - known_size;
        if (readable < known_size) { // a hole before the tail does not hide it
            n = read_prefix(*call, address + known_size, copy + known_size, tail);
            if (n < 0) {
                return confirmed(*call, static_cast<std::int32_t>(n));
            }
            const std::int32_t found = judge_tail(copy + known_size, static_cast<std::size_t>(n), tail);
            r = found == -E2BIG ? found : -EFAULT;
        } else {
            r = judge_tail(copy + known_size, readable - known_size, tail);
        }
    }
    r = confirmed(*call, r);
    if (r == 0) {
        const std::uint64_t common = std::min(user_size, known_size);
        std::memcpy(buffer, copy, common);
        std::memset(static_cast<char *>(buffer) + common, 0, known_size - common);
    }
    return r;
}

std::int32_t write_memory(deputy_call *call, std::uint64_t address, const void *buffer, std::uint64_t size)
{
    const std::int32_t valid = check_valid(*call);
    if (valid < 0 || size == 0 || call->observed) {
        return valid;
    }
    if (call->syscall.tid == 0) {
        return -ESRCH;
    }
    const iovec local{const_cast<void *>(buffer), size};
    const iovec remote{reinterpret_cast<void *>(address), size};
    const ssize_t n = ::process_vm_writev(static_cast<pid_t>(call->syscall.tid), &local, 1, &remote, 1, 0);
    if (n < 0) {
        return confirmed(*call, -errno);
    }
    return confirmed(*call, static_cast<std::uint64_t>(n) < size ? -EFAULT : 0);
}

} // namespace deputyd
