// SPDX-License-Identifier: Apache-2.0
#include "caller/container_access.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

#include "caller/container.hpp"
#include "caller/pin.hpp"
#include "caller/proc_file.hpp"

namespace deputyd
{
namespace
{

constexpr std::uint64_t over_inodes =
    1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID;

std::vector<mapped_ids> read_map(int proc, const char *name)
{
    const auto text = read_proc_file(proc, name);
    return text ? parse_id_map(*text) : std::vector<mapped_ids>{};
}

bool translate(const std::vector<mapped_ids> &map, std::span<const std::uint32_t> outside,
               std::uint32_t *ret) noexcept
{
    for (const std::uint32_t id : outside) {
        const auto inside = id_inside(map, id);
        if (!inside) {
            return false;
        }
        *ret++ = *inside;
    }
    return true;
}

} // namespace

std::shared_ptr<container_access> make_container_access()
{
    return std::make_shared<container_access>();
}

const container_access::user_ns *container_access::own_user_ns(deputy_call &call)
{
    const int proc = pin_proc(call);
    struct stat st {
    };
    if (!call.in_own_user_ns) {
        if (proc < 0 || ::fstatat(proc, "ns/user", &st, 0) != 0) {
            return nullptr;
        }
        call.in_own_user_ns = st.st_ino == call.container->user_ns;
    }
    if (!*call.in_own_user_ns) {
        return nullptr;
    }
    const std::lock_guard lock(mutex_);
    if (ns_) {
        return &*ns_;
    }
    user_ns ns{deputy::unique_fd{::openat(proc, "ns/user", O_RDONLY | O_CLOEXEC)}, read_map(proc, "uid_map"),
               read_map(proc, "gid_map")};
    // All of it is of this caller, which has not left the namespace: it waits.
    if (!ns.fd || ns.uids.empty() || ns.gids.empty() || check_valid(call) < 0) {
        return nullptr;
    }
    ns_ = std::move(ns);
    return &*ns_;
}

std::unique_ptr<access_helper> container_access::take(const user_ns &ns)
{
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
        auto helper = std::move(idle_.back());
        idle_.pop_back();
        return helper;
    }
    return access_helper::start(ns.fd.get(), alive_, helper_limit);
}

void container_access::give_back(std::unique_ptr<access_helper> helper)
{
    if (!helper->is_ready()) {
        return; // dead, or killed for its silence
    }
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
        idle_.push_back(std::move(helper));
    }
}

std::optional<std::int32_t> container_access::open(deputy_call &call, int root, int start, const char *path,
                                                   std::uint64_t flags)
{
    const user_ns *ns = own_user_ns(call);
    if (ns == nullptr || call.status->groups.size() > access_groups) {
        return std::nullopt;
    }
    access_request request{};
    request.flags = flags;
    request.capabilities = call.status->effective_capabilities;
    std::vector<std::uint32_t> groups(call.status->groups.size());
    if (!translate(ns->uids, call.status->uid, request.uid) ||
        !translate(ns->gids, call.status->gid, request.gid) ||
        !translate(ns->gids, call.status->groups, groups.data())) {
        return std::nullopt;
    }
    const deputy::unique_fd home{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    auto helper = home ? take(*ns) : nullptr;
    if (!helper) {
        return std::nullopt;
    }
    const int directories[] = {root, start, home.get()};
    auto answer = helper->open(request, groups, path, directories, [&] { return check_valid(call); });
    give_back(std::move(helper));
    if (!answer.became) {
        return std::nullopt;
    }
    return answer.result < 0 ? answer.result : answer.fd.release();
}

std::uint64_t container_access::capabilities_over(deputy_call &call, int fd)
{
    const std::uint64_t held = call.status->effective_capabilities & over_inodes;
    const user_ns *ns = held == 0 ? nullptr : own_user_ns(call);
    struct stat st {
    };
    const bool counts = ns != nullptr && ::fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 &&
                        id_inside(ns->uids, st.st_uid) && id_inside(ns->gids, st.st_gid);
    return counts ? held : 0;
}

} // namespace deputyd
