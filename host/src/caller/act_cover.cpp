// SPDX-License-Identifier: Apache-2.0
// A node of the host's, shown to a container at a place of its own.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <sys/mount.h>
#include <sys/stat.h>
#include <vector>

#include "base/mount_table.hpp"
#include "caller/act.hpp"
#include "caller/credentials.hpp"
#include "caller/pin.hpp"
#include "caller/proc_file.hpp"

namespace deputyd
{
namespace
{

/// A copy of the mount at source, attached nowhere, that nothing mounted elsewhere comes to and from which
/// nothing goes.
std::int32_t copy_mount(int source, deputy::unique_fd &ret) noexcept
{
    ret.reset(::open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    if (!ret) {
        return -errno;
    }
    mount_attr alone{};
    alone.propagation = MS_PRIVATE;
    return ::mount_setattr(ret.get(), "", AT_EMPTY_PATH, &alone, sizeof alone) == 0 ? 0 : -errno;
}

/// Opens the caller's mount namespace, which must not be the host's. @return 0 or a negative errno.
std::int32_t open_mount_ns(deputy_call &call, deputy::unique_fd &ret) noexcept
{
    const int proc = pin_proc(call);
    if (proc < 0) {
        return proc;
    }
    ret.reset(::openat(proc, "ns/mnt", O_RDONLY | O_CLOEXEC));
    struct stat theirs {
    };
    struct stat own {
    };
    if (!ret || ::fstat(ret.get(), &theirs) != 0 || ::stat("/proc/thread-self/ns/mnt", &own) != 0) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    return theirs.st_ino == own.st_ino ? -EPERM : 0;
}

/// Whether what is mounted on the mount of target, in the calling thread's namespace, appears in the host
/// too. A container cannot bring that about: its mounts join no group of the host's that they were not in
/// when it began.
/// @param self the thread's directory in procfs.
/// @param of_host the host's mounts.
/// @return 0 (it does not), -EPERM (it does), or another negative errno.
std::int32_t check_propagation(int self, int target, const std::vector<mount_entry> &of_host)
{
    struct statx about {
    };
    if (::statx(target, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &about) != 0) {
        return -errno;
    }
    const auto text = read_proc_file(self, "mountinfo");
    if (!text) {
        return -text.error_number();
    }
    const auto all = parse_mount_table(*text);
    const auto on =
        std::find_if(all.begin(), all.end(), [&](const mount_entry &m) { return m.id == about.stx_mnt_id; });
    if (on == all.end()) { // of another namespace
        return -EINVAL;
    }
    const bool shared =
        on->peers != 0 && std::any_of(of_host.begin(), of_host.end(), [&](const mount_entry &m) {
            return m.peers == on->peers || m.master == on->peers;
        });
    return shared ? -EPERM : 0;
}

/// Attaches the copy in the namespace, as the host.
std::int32_t attach(const deputy_call &call, int ns, int copy, int target)
{
    const auto of_host = mount_table();
    const deputy::unique_fd self{::open("/proc/thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!self) {
        return -errno;
    }
    const in_mount_ns there(ns);
    if (there.status() < 0) {
        return there.status();
    }
    const std::int32_t propagates = check_propagation(self.get(), target, of_host);
    const std::int32_t valid = check_valid(call);
    if (valid < 0 || propagates < 0) {
        return valid < 0 ? valid : propagates;
    }
    constexpr unsigned by_descriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    return ::move_mount(copy, "", target, "", by_descriptor) == 0 ? 0 : -errno;
}

std::int32_t cover(deputy_call &call, int source, int target)
{
    if (call.undoing || call.turn->answered()) {
        return call.undoing ? -ESRCH : -ECANCELED;
    }
    deputy::unique_fd ns;
    deputy::unique_fd copy;
    std::int32_t r = open_mount_ns(call, ns);
    if (r == 0) {
        r = copy_mount(source, copy);
    }
    if (const std::int32_t valid = check_valid(call); valid < 0 || r < 0) {
        return valid < 0 ? valid : r;
    }
    return attach(call, ns.get(), copy.get(), target);
}

} // namespace

std::int32_t act_cover(deputy_call *call, std::int32_t source, std::int32_t target)
try {
    return is_only_observed(*call) ? -ECANCELED : cover(*call, source, target);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

} // namespace deputyd
