// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <linux/capability.h>

#include "plugin.hpp"

namespace bpf_cgroup_device
{
namespace
{

/// What the caller is told.
struct listing {
    std::uint32_t flags = 0;
    std::vector<std::uint32_t> ids;
    std::uint64_t revision = 0;
};

template <class T>
deputy::result<void> write_back(deputy::call &call, const attr &a, std::size_t at, const T &value)
{
    if (!a.holds(at, sizeof value)) {
        return {}; // the kernel writes even then; what lies behind is not ours
    }
    return call.write(a.address() + at, &value, sizeof value);
}

/// Writes as the kernel's __cgroup_bpf_query() does. @return ENOSPC if the caller has room for less.
deputy::result<void> tell(deputy::call &call, const attr &a, const listing &what)
{
    const auto count = static_cast<std::uint32_t>(what.ids.size());
    // Kernels that have no revision leave it alone.
    if (what.revision != 0) {
        if (auto r = write_back(call, a, offset::query_revision, what.revision); !r) {
            return r;
        }
    }
    if (auto r = write_back(call, a, offset::query_attach_flags, what.flags); !r) {
        return r;
    }
    if (auto r = write_back(call, a, offset::query_prog_cnt, count); !r) {
        return r;
    }
    const std::uint32_t room = a.u32(offset::query_prog_cnt);
    const std::uint64_t ids = a.u64(offset::query_prog_ids);
    if (room == 0 || ids == 0 || count == 0) {
        return {};
    }
    const std::uint32_t fits = std::min(room, count);
    if (auto r = call.write(ids, what.ids.data(), fits * sizeof(std::uint32_t)); !r) {
        return r;
    }
    if (const std::uint64_t flags = a.u64(offset::query_prog_attach_flags); flags != 0) {
        const std::vector<std::uint32_t> each(fits, what.flags);
        if (auto r = call.write(flags, each.data(), each.size() * sizeof(std::uint32_t)); !r) {
            return r;
        }
    }
    return fits < count ? deputy::result<void>(deputy::error{ENOSPC}) : deputy::result<void>();
}

} // namespace

bool is_cgroup_attach_type(std::uint32_t type)
{
    static constexpr std::array<std::uint32_t, 29> types = {0,  1,  2,  3,  6,  8,  9,  10, 11, 12,
                                                            13, 14, 15, 18, 19, 20, 21, 22, 29, 30,
                                                            31, 32, 34, 43, 49, 50, 51, 52, 53};
    return std::find(types.begin(), types.end(), type) != types.end();
}

/// Lists the container's own programs alone.
deputy::answer plugin::query(deputy::call &call)
{
    const auto c = find(call.container());
    const auto a = read_attr(call, kernel_->attr_size());
    if (!a) {
        return deputy::answer::failure(a.error_number());
    }
    const auto who = call.privileges();
    if (!who || who->in_container_user_ns != 1 || !has(who->capabilities, CAP_NET_ADMIN)) {
        return deputy::answer::failure(who ? EPERM : who.error_number());
    }
    const std::uint32_t flags = a->u32(offset::query_flags);
    const std::uint32_t type = a->u32(offset::query_attach_type);
    if (!a->zero_from(offset::query_end) || (flags & ~std::uint32_t{BPF_F_QUERY_EFFECTIVE}) != 0 ||
        !is_cgroup_attach_type(type)) {
        return deputy::answer::failure(EINVAL);
    }
    const auto where = target_of(call, *c, a->s32(offset::query_target_fd));
    if (!where) {
        return deputy::answer::failure(where.error_number());
    }
    if (where->where == place::outside) {
        return deputy::answer::failure(EPERM);
    }
    const bool effective = flags != 0;
    if (effective && a->u64(offset::query_prog_attach_flags) != 0) {
        return deputy::answer::failure(EINVAL);
    }
    const auto there = kernel_->query(where->fd.get(), type, effective);
    if (!there) {
        return deputy::answer::failure(there.error_number());
    }
    listing what;
    what.revision = there->revision;
    if (type == BPF_CGROUP_DEVICE) {
        for (const std::size_t i : programs_.owned(c->id, there->ids)) {
            what.ids.push_back(there->ids[i]);
        }
        what.flags = what.ids.empty() ? 0 : there->flags;
    }
    const auto r = tell(call, *a, what);
    return r ? deputy::answer::value(0) : deputy::answer::failure(r.error_number());
}

/// Another descriptor for a program of the container's own. Others' are refused whether they exist or not.
deputy::answer plugin::get_fd_by_id(deputy::call &call)
{
    const auto c = find(call.container());
    const auto a = read_attr(call, kernel_->attr_size());
    if (!a || !a->zero_from(offset::get_fd_end)) {
        return deputy::answer::failure(a ? EINVAL : a.error_number());
    }
    const auto who = call.privileges();
    if (!who || who->in_container_user_ns != 1 || !has(who->capabilities, CAP_SYS_ADMIN)) {
        return deputy::answer::failure(who ? EPERM : who.error_number());
    }
    const auto p = programs_.by_id(c->id, a->u32(offset::prog_id));
    if (!p) {
        return deputy::answer::failure(EPERM);
    }
    if (auto r = call.commit(effect{effect::made_stand_in, 0, p->serial, 0, 0}); !r) {
        return deputy::answer::failure(r.error_number());
    }
    auto fd = programs_.stand_in(p);
    if (!fd) {
        return deputy::answer::failure(fd.error_number() == ENOENT ? EPERM : fd.error_number());
    }
    return deputy::answer::descriptor(*std::move(fd));
}

/// Ids of all programs on the host: refused, as the kernel refuses it to the unprivileged.
deputy::answer plugin::get_next_id(deputy::call &call)
{
    const auto a = read_attr(call, kernel_->attr_size());
    if (!a) {
        return deputy::answer::failure(a.error_number());
    }
    const bool valid = a->zero_from(offset::next_id_end) && a->u32(offset::start_id) < INT32_MAX;
    return deputy::answer::failure(valid ? EPERM : EINVAL);
}

} // namespace bpf_cgroup_device
