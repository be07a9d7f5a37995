// SPDX-License-Identifier: Apache-2.0
// Raw system calls: what glibc's wrappers change on the way, the kernel has been asked for.
#include "caller/act.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <new>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/credentials.hpp"
#include "caller/path_split.hpp"
#include "caller/pin.hpp"

namespace deputyd
{
namespace
{

/// Runs one system call as the caller, with its umask and the capabilities granted.
/// @param may_act says, last of all before the call, whether it may be made: 0 or a negative errno.
/// @return what the system call returns, or a negative errno.
template <class MayAct, class Operation>
long as(const proc_status &caller, std::uint64_t grant, MayAct &&may_act, Operation &&operation)
{
    const with_umask mask(caller.umask);
    if (mask.status() < 0) {
        return mask.status();
    }
    const as_caller who(caller, grant);
    if (who.status() < 0) {
        return who.status();
    }
    if (const std::int32_t r = may_act(); r < 0) {
        return r;
    }
    const long r = operation();
    return r < 0 ? -errno : r;
}

/// The same for a call whose caller waits.
template <class Operation> long act(deputy_call &call, std::uint64_t grant, Operation &&operation)
{
    if (call.turn->answered()) {
        return -ECANCELED;
    }
    if (const std::int32_t r = pin_status(call); r < 0) {
        return r;
    }
    return as(
        *call.status, grant, [&] { return check_valid(call); }, operation);
}

std::int32_t check_place(std::int32_t directory, const char *name) noexcept
{
    if (!is_component(name)) {
        return -EINVAL;
    }
    return directory < 0 ? -EBADF : 0;
}

/// What a plugin asks for, in as many bytes as it knows, which may be more than are known here: the kernel
/// decides about those.
struct wanted_open {
    alignas(open_how) std::array<std::byte, 4096> bytes;

    open_how &known() noexcept { return *reinterpret_cast<open_how *>(bytes.data()); }
};

/// @return 0 or a negative errno, as openat2() for such a size.
std::int32_t prepare(const open_how *how, std::uint64_t size, wanted_open &ret) noexcept
{
    if (size < sizeof(open_how)) {
        return -EINVAL;
    }
    if (size > ret.bytes.size()) {
        return -E2BIG;
    }
    std::memcpy(ret.bytes.data(), how, size);
    open_how &known = ret.known();
    known.resolve |= RESOLVE_NO_MAGICLINKS;
    known.flags |= O_CLOEXEC;
    if ((known.flags & O_PATH) == 0) {
        known.flags |= O_NOCTTY; // it would become the host's
    }
    return 0;
}

} // namespace

std::int32_t act_mknod(deputy_call *call, std::int32_t directory, const char *name, std::uint32_t mode,
                       std::uint64_t device, std::uint64_t grant)
try {
    const auto number = static_cast<std::uint32_t>(device);
    if (number != device) {
        return -EINVAL;
    }
    if (const std::int32_t r = check_place(directory, name); r < 0) {
        return r;
    }
    return static_cast<std::int32_t>(
        act(*call, grant, [&] { return ::syscall(SYS_mknodat, directory, name, mode, number); }));
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

std::int32_t act_open(deputy_call *call, std::int32_t directory, const char *path, const open_how *how,
                      std::uint64_t how_size, std::uint64_t grant, std::int32_t *ret_fd)
try {
    wanted_open wanted;
    if (const std::int32_t r = prepare(how, how_size, wanted); r < 0) {
        return r;
    }
    const long fd = act(
        *call, grant, [&] { return ::syscall(SYS_openat2, directory, path, wanted.bytes.data(), how_size); });
    if (fd < 0) {
        return static_cast<std::int32_t>(fd);
    }
    *ret_fd = static_cast<std::int32_t>(fd);
    return 0;
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

std::int32_t act_unlink(deputy_call *call, std::int32_t directory, const char *name, std::uint32_t flags,
                        std::uint64_t grant)
try {
    if (const std::int32_t r = check_place(directory, name); r < 0) {
        return r;
    }
    const auto unlink = [&] { return ::syscall(SYS_unlinkat, directory, name, flags); };
    if (!call->undoing) {
        return static_cast<std::int32_t>(act(*call, grant, unlink));
    }
    if (!call->status) { // the handler has done nothing as the caller that could be undone
        return -ESRCH;
    }
    return static_cast<std::int32_t>(as(
        *call->status, grant, [] { return 0; }, unlink));
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

} // namespace deputyd
