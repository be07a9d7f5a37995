// SPDX-License-Identifier: Apache-2.0
// Raw system calls: what glibc's wrappers change on the way, the kernel has been asked for.
#include "caller/act.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <new>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/container.hpp"
#include "caller/container_access.hpp"
#include "caller/credentials.hpp"
#include "caller/path_split.hpp"
#include "caller/pin.hpp"

namespace deputyd
{
namespace
{

/// Whether something may be done for the caller: it waits, or its undo runs.
std::int32_t may_act(const deputy_call &call) noexcept
{
    return call.undoing ? 0 : check_valid(call);
}

/// Runs one system call as the caller, with its umask and the capabilities granted.
/// @return what the system call returns, or a negative errno.
template <class Operation> long act(deputy_call &call, std::uint64_t grant, Operation &&operation)
{
    if (!call.undoing && call.turn->answered()) {
        return -ECANCELED;
    }
    if (const std::int32_t r = pin_status(call); r < 0) {
        return r;
    }
    const with_umask mask(call.status->umask);
    if (mask.status() < 0) {
        return mask.status();
    }
    const as_caller who(*call.status, grant);
    if (who.status() < 0) {
        return who.status();
    }
    if (const std::int32_t r = may_act(call); r < 0) {
        return r;
    }
    const long r = operation();
    return r < 0 ? -errno : r;
}

/// The same in one directory, where the caller's own CAP_DAC_OVERRIDE may count if its ids are not enough.
template <class Operation>
long act_in(deputy_call &call, int directory, std::uint64_t grant, Operation &&operation)
{
    const long r = act(call, grant, operation);
    if (r != -EACCES) {
        return r;
    }
    const std::uint64_t own =
        call.container->access->capabilities_over(call, directory) & 1ULL << CAP_DAC_OVERRIDE;
    return own == 0 ? r : act(call, grant | own, operation);
}

/// What keeps the set-group-id bit of a node in a directory with that bit.
std::uint64_t fsetid(deputy_call &call, int directory, std::uint32_t mode)
{
    if ((mode & S_ISGID) == 0 || pin_status(call) < 0) {
        return 0;
    }
    return call.container->access->capabilities_over(call, directory) & 1ULL << CAP_FSETID;
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
    if (call->undoing) {
        return -ESRCH;
    }
    const auto number = static_cast<std::uint32_t>(device);
    if (number != device) {
        return -EINVAL;
    }
    if (const std::int32_t r = check_place(directory, name); r < 0) {
        return r;
    }
    if (is_only_observed(*call)) {
        return -ECANCELED;
    }
    grant |= fsetid(*call, directory, mode);
    return static_cast<std::int32_t>(act_in(
        *call, directory, grant, [&] { return ::syscall(SYS_mknodat, directory, name, mode, number); }));
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

std::int32_t act_open(deputy_call *call, std::int32_t directory, const char *path, const open_how *how,
                      std::uint64_t how_size, std::uint64_t grant, std::int32_t *ret_fd)
try {
    if (call->undoing) {
        return -ESRCH;
    }
    wanted_open wanted;
    if (const std::int32_t r = prepare(how, how_size, wanted); r < 0) {
        return r;
    }
    if ((wanted.known().flags & O_PATH) == 0 && is_only_observed(*call)) {
        return -ECANCELED;
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
    if (is_only_observed(*call)) {
        return -ECANCELED;
    }
    return static_cast<std::int32_t>(
        act_in(*call, directory, grant, [&] { return ::syscall(SYS_unlinkat, directory, name, flags); }));
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

} // namespace deputyd
