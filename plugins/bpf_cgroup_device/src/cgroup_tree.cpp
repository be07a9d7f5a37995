// SPDX-License-Identifier: Apache-2.0
#include "cgroup_tree.hpp"

namespace bpf_cgroup_device
{
namespace
{

/// What one ancestor says: keep walking, safe (its programs stay, and those above do not matter), or unsafe.
enum class ancestor { without_programs, stays, shut_off };

deputy::result<ancestor> look_at(kernel &k, int cgroup, std::uint32_t &flags)
{
    const auto programs = k.query(cgroup, BPF_CGROUP_DEVICE, false);
    if (!programs) {
        return deputy::error{programs.error_number()};
    }
    flags = programs->flags;
    if (programs->ids.empty()) {
        return ancestor::without_programs;
    }
    return programs->multi() ? ancestor::stays : ancestor::shut_off;
}

std::string describe(std::uint64_t id, std::uint32_t flags, const char *which)
{
    return std::string(which) + " (id " + std::to_string(id) + ") has a device program attached " +
           ((flags & BPF_F_ALLOW_OVERRIDE) != 0 ? "with ALLOW_OVERRIDE" : "without ALLOW_MULTI") +
           ", which would no longer be run below; attach it with ALLOW_MULTI";
}

} // namespace

deputy::result<own_cgroup> own_cgroup::open(kernel &k, int borrowed)
{
    own_cgroup own;
    const auto id = k.cgroup_id(borrowed);
    if (!id) {
        return deputy::error{id.error_number()};
    }
    own.id = *id;
    own.fd.reset(::openat(borrowed, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own.fd) {
        return deputy::error{errno};
    }
    for (int at = own.fd.get();;) {
        auto up = k.parent(at);
        if (!up) {
            if (up.error_number() == ENOENT) {
                return own;
            }
            return deputy::error{up.error_number()};
        }
        at = up->get();
        own.ancestors.push_back(*std::move(up));
    }
}

deputy::result<target> locate(kernel &k, const own_cgroup &own, int fd)
{
    const auto id = k.cgroup_id(fd);
    if (!id) {
        return deputy::error{id.error_number()};
    }
    auto same = k.open(own.fd.get(), *id);
    if (!same) {
        return deputy::error{same.error_number()};
    }
    target t;
    t.id = *id;
    t.fd = *std::move(same);
    if (t.id == own.id) {
        t.where = place::own;
        return t;
    }
    for (int at = t.fd.get();;) {
        auto up = k.parent(at);
        if (!up) {
            if (up.error_number() == ENOENT) {
                return t; // the root, and the container's own was not on the way
            }
            return deputy::error{up.error_number()};
        }
        const auto up_id = k.cgroup_id(up->get());
        if (!up_id) {
            return deputy::error{up_id.error_number()};
        }
        if (*up_id == own.id) {
            t.where = place::below;
            return t;
        }
        at = up->get();
        t.between.push_back(*std::move(up));
    }
}

deputy::result<std::optional<std::string>> shut_off_by_attach(kernel &k, const own_cgroup &own,
                                                              const std::vector<deputy::unique_fd> &between)
{
    using answer = deputy::result<std::optional<std::string>>;
    std::vector<std::pair<int, const char *>> upward;
    for (const auto &fd : between) {
        upward.emplace_back(fd.get(), "a cgroup between the container's own and the target");
    }
    upward.emplace_back(own.fd.get(), "the container's own cgroup");
    for (const auto &fd : own.ancestors) {
        upward.emplace_back(fd.get(), "a cgroup above the container's own");
    }
    for (const auto &[fd, which] : upward) {
        std::uint32_t flags = 0;
        const auto verdict = look_at(k, fd, flags);
        if (!verdict) {
            return deputy::error{verdict.error_number()};
        }
        if (*verdict == ancestor::stays) {
            break;
        }
        if (*verdict == ancestor::shut_off) {
            const auto id = k.cgroup_id(fd);
            return answer(std::optional(describe(id ? *id : 0, flags, which)));
        }
    }
    return answer(std::optional<std::string>{});
}

} // namespace bpf_cgroup_device
