// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "plugin.hpp"

namespace bpf_cgroup_device
{
namespace
{

/// Attach types beyond this are unknown to any kernel so far; those in between that are unknown to this one
/// are refused all the same.
constexpr std::uint32_t attach_types = 64;
constexpr std::uint32_t known_flags = BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI | BPF_F_REPLACE;

bool contains(const std::vector<std::uint32_t> &ids, std::uint32_t id)
{
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// Flags that cannot go together, as the kernel says.
bool valid_flags(std::uint32_t flags)
{
    const bool multi = (flags & BPF_F_ALLOW_MULTI) != 0;
    return !((flags & BPF_F_ALLOW_OVERRIDE) != 0 && multi) && !((flags & BPF_F_REPLACE) != 0 && !multi);
}

/// The call as a person would write it; a cgroup's id is the inode of its directory.
void describe(const deputy::call &call, const char *command, const target &where, std::uint32_t flags)
{
    if (call.is_looked_at()) {
        call.describe(std::string(command) + ", cgroup " + std::to_string(where.id) + ", flags " +
                      std::to_string(flags));
    }
}

} // namespace

/// An attach or a detach, checked.
struct plugin::change {
    program_ptr program;
    program_ptr replaced; ///< the program whose place it takes, if any
    target where;
    std::uint32_t flags = 0;
    std::uint64_t revision = 0;         ///< that the target's list must have, or 0
    attached_programs there;            ///< attached at the target before
    std::vector<std::uint32_t> foreign; ///< in effect at the target before, and not the container's own
};

/// The program for which a caller's descriptor stands.
/// @return EBADF, EINVAL (something else), EPERM (not for this container to use).
deputy::result<program_ptr> plugin::program_of(deputy::call &call, container_state &c, std::int32_t fd)
{
    const auto copy = call.descriptor(fd);
    if (!copy) {
        return deputy::error{copy.error_number()};
    }
    if ((::fcntl(copy->get(), F_GETFL) & O_PATH) != 0) {
        return deputy::error{EBADF};
    }
    if (auto p = programs_.by_descriptor(copy->get())) {
        if (p->container == c.id) {
            return p;
        }
        report(c, "another container's device program is refused");
        return deputy::error{EPERM};
    }
    return deputy::error{kernel_->is_bpf_object(copy->get()) ? EPERM : EINVAL};
}

deputy::result<target> plugin::target_of(deputy::call &call, container_state &c, std::int32_t fd)
{
    const auto copy = call.descriptor(fd);
    if (!copy) {
        return deputy::error{copy.error_number()};
    }
    if (!c.cgroup) {
        const auto id = kernel_->cgroup_id(copy->get());
        return deputy::error{id ? EPERM : id.error_number()};
    }
    return locate(*kernel_, *c.cgroup, copy->get());
}

deputy::answer plugin::attach(deputy::call &call)
{
    const auto c = find(call.container());
    const auto a = read_attr(call, kernel_->attr_size());
    if (!a) {
        return deputy::answer::failure(a.error_number());
    }
    const std::uint32_t type = a->u32(offset::attach_type);
    change todo;
    todo.flags = a->u32(offset::attach_flags);
    if (!a->zero_from(offset::attach_end) || type >= attach_types || (todo.flags & ~known_flags) != 0 ||
        a->u32(offset::relative_fd) != 0) {
        return deputy::answer::failure(EINVAL);
    }
    todo.revision = a->u64(offset::expected_revision);
    auto program = program_of(call, *c, a->s32(offset::attach_bpf_fd));
    if (!program) {
        return deputy::answer::failure(program.error_number());
    }
    todo.program = *program;
    if (todo.program->probe() != (type != BPF_CGROUP_DEVICE)) {
        return deputy::answer::failure(EINVAL); // the program's type does not go with the attach type
    }
    auto where = target_of(call, *c, a->s32(offset::target_fd));
    if (!where) {
        return deputy::answer::failure(where.error_number());
    }
    todo.where = *std::move(where);
    constexpr std::uint32_t replacing = BPF_F_ALLOW_MULTI | BPF_F_REPLACE;
    if ((todo.flags & replacing) == replacing) {
        auto replaced = program_of(call, *c, a->s32(offset::replace_bpf_fd));
        if (!replaced || (*replaced)->probe()) {
            return deputy::answer::failure(replaced ? EINVAL : replaced.error_number());
        }
        todo.replaced = *replaced;
    }
    if (!valid_flags(todo.flags)) {
        return deputy::answer::failure(EINVAL);
    }
    describe(call, "BPF_PROG_ATTACH", todo.where, todo.flags);
    const auto who = call.privileges();
    if (!who || who->in_container_user_ns != 1 || todo.program->probe()) {
        return deputy::answer::failure(who ? EPERM : who.error_number());
    }
    if (auto r = check_attach(*c, todo); !r) {
        return deputy::answer::failure(r.error_number());
    }
    const effect done{effect::attached, todo.flags, todo.program->serial,
                      todo.replaced ? todo.replaced->serial : 0, todo.where.id};
    if (auto r = call.commit(done); !r) {
        return deputy::answer::failure(r.error_number());
    }
    if (auto r = do_attach(*c, todo); !r) {
        (void)call.commit(effect{}); // nothing was done, so nothing is to be undone
        return deputy::answer::failure(r.error_number());
    }
    return deputy::answer::value(0);
}

/// Whether the attach is at a place of the container's and takes no restriction away.
deputy::result<void> plugin::check_attach(container_state &c, change &todo)
{
    if (todo.where.where != place::below) {
        report(c, todo.where.where == place::own
                      ? "an attach at the container's own cgroup is refused: only cgroups below it"
                      : "an attach outside the container's cgroup is refused");
        return deputy::error{EPERM};
    }
    const auto shut_off = shut_off_by_attach(*kernel_, *c.cgroup, todo.where.between);
    if (!shut_off) {
        return deputy::error{shut_off.error_number()};
    }
    if (*shut_off) {
        report(c, "an attach is refused: " + **shut_off);
        return deputy::error{EPERM};
    }
    auto there = kernel_->query(todo.where.fd.get(), BPF_CGROUP_DEVICE, false);
    auto effective = kernel_->query(todo.where.fd.get(), BPF_CGROUP_DEVICE, true);
    if (!there || !effective) {
        return deputy::error{there ? effective.error_number() : there.error_number()};
    }
    todo.there = *std::move(there);
    for (const std::uint32_t id : effective->ids) {
        if (!programs_.by_id(c.id, id)) {
            todo.foreign.push_back(id);
        }
    }
    // Without ALLOW_MULTI, whatever is attached there gives way, whoever attached it.
    if ((todo.flags & BPF_F_ALLOW_MULTI) == 0 && !todo.there.ids.empty()) {
        todo.replaced = programs_.by_id(c.id, todo.there.ids.front());
        if (!todo.replaced) {
            report(c, "an attach is refused: it would replace a device program that is not the container's");
            return deputy::error{EPERM};
        }
    }
    return {};
}

/// Attaches, and takes that back if a restriction is gone thereby.
deputy::result<void> plugin::do_attach(container_state &c, change &todo)
{
    const int cgroup = todo.where.fd.get();
    const int replaced = todo.replaced ? todo.replaced->fd.get() : -1;
    if (auto r = kernel_->attach(cgroup, todo.program->fd.get(), todo.flags, replaced, todo.revision); !r) {
        return r;
    }
    programs_.attached(todo.program, todo.where.id, cgroup);
    programs_.interrupt(); // the collector looks after it from now on
    if (todo.replaced && todo.replaced != todo.program) {
        programs_.detached(todo.replaced, todo.where.id);
    }
    if (still_restricted(c, todo)) {
        return {};
    }
    (void)kernel_->detach(cgroup, todo.program->fd.get());
    programs_.detached(todo.program, todo.where.id);
    report(c, "an attach was taken back: with it, a restriction from above was no longer in effect");
    return deputy::error{EPERM};
}

/// Whether every foreign program that was in effect before still is. What the host attached above meanwhile
/// is found this way.
bool plugin::still_restricted(container_state &c, const change &todo)
{
    const auto now = kernel_->query(todo.where.fd.get(), BPF_CGROUP_DEVICE, true);
    const auto shut_off = shut_off_by_attach(*kernel_, *c.cgroup, todo.where.between);
    if (!now || !shut_off || *shut_off) {
        return false;
    }
    return std::all_of(todo.foreign.begin(), todo.foreign.end(),
                       [&](std::uint32_t id) { return contains(now->ids, id); });
}

deputy::answer plugin::detach(deputy::call &call)
{
    const auto c = find(call.container());
    const auto a = read_attr(call, kernel_->attr_size());
    if (!a) {
        return deputy::answer::failure(a.error_number());
    }
    const std::uint32_t type = a->u32(offset::attach_type);
    if (!a->zero_from(offset::attach_end) || type >= attach_types || a->u32(offset::attach_flags) != 0 ||
        a->u32(offset::relative_fd) != 0) {
        return deputy::answer::failure(EINVAL);
    }
    change todo;
    todo.revision = a->u64(offset::expected_revision);
    auto where = target_of(call, *c, a->s32(offset::target_fd));
    if (!where) {
        return deputy::answer::failure(where.error_number());
    }
    todo.where = *std::move(where);
    // The kernel takes a bad program descriptor for none, which is enough for it without ALLOW_MULTI.
    const auto program = program_of(call, *c, a->s32(offset::attach_bpf_fd));
    if (program && !(*program)->probe()) {
        todo.program = *program;
    }
    describe(call, "BPF_PROG_DETACH", todo.where, 0);
    const auto who = call.privileges();
    if (!who || who->in_container_user_ns != 1) {
        return deputy::answer::failure(who ? EPERM : who.error_number());
    }
    if (type != BPF_CGROUP_DEVICE) { // the container has none
        return deputy::answer::failure(is_cgroup_attach_type(type) ? ENOENT : EPERM);
    }
    if (todo.where.where != place::below) {
        report(*c, "a detach at the container's own cgroup or outside it is refused");
        return deputy::answer::failure(EPERM);
    }
    const auto r = do_detach(call, *c, todo);
    return r ? deputy::answer::value(0) : deputy::answer::failure(r.error_number());
}

deputy::result<void> plugin::do_detach(deputy::call &call, container_state &c, change &todo)
{
    const int cgroup = todo.where.fd.get();
    auto there = kernel_->query(cgroup, BPF_CGROUP_DEVICE, false);
    if (!there) {
        return deputy::error{there.error_number()};
    }
    if (there->ids.empty()) {
        return deputy::error{ENOENT};
    }
    if (!there->multi()) {
        todo.program = programs_.by_id(c.id, there->ids.front());
        if (!todo.program) {
            report(c, "a detach is refused: the device program is not the container's");
            return deputy::error{EPERM};
        }
    } else if (!todo.program) {
        return deputy::error{EINVAL};
    }
    const effect done{effect::detached, there->flags, todo.program->serial, 0, todo.where.id};
    if (auto r = call.commit(done); !r) {
        return r;
    }
    if (auto r = kernel_->detach(cgroup, todo.program->fd.get(), todo.revision); !r) {
        (void)call.commit(effect{});
        return r;
    }
    programs_.detached(todo.program, todo.where.id);
    return {};
}

/// Takes back what a caller was not told of. It may make the same call again, with the descriptors that it
/// still has; what it has closed meanwhile is gone, and then things stay as they are: whole, either way.
void plugin::undo(const deputy::undo_request &request)
{
    const auto e = request.as<effect>();
    const auto p = programs_.by_serial(e.serial);
    if (!p) {
        return;
    }
    const auto c = find(p->container);
    switch (e.kind) {
    case effect::made_stand_in:
        // The host has closed the descriptor that it could not deliver, or the caller's has died with it.
        programs_.collect(0);
        break;
    case effect::attached:
        undo_attach(*c, e, p);
        break;
    case effect::detached:
        undo_detach(*c, e, p);
        break;
    default:
        break;
    }
}

void plugin::undo_attach(container_state &c, const effect &e, const program_ptr &p)
{
    const auto cgroup = programs_.where_attached(p, e.cgroup);
    if (!cgroup) {
        return;
    }
    const auto before = e.replaced == 0 ? nullptr : programs_.by_serial(e.replaced);
    if (e.replaced != 0 && !before) {
        return;
    }
    if (!before || before == p) {
        if (before == nullptr && kernel_->detach(cgroup->get(), p->fd.get())) {
            programs_.detached(p, e.cgroup);
        }
        return;
    }
    auto where = locate(*kernel_, *c.cgroup, cgroup->get());
    if (!where) {
        return;
    }
    change back;
    back.program = before;
    back.replaced = p;
    back.where = *std::move(where);
    back.flags = e.flags;
    if (check_attach(c, back)) {
        (void)do_attach(c, back);
    }
}

void plugin::undo_detach(container_state &c, const effect &e, const program_ptr &p)
{
    const auto cgroup = kernel_->open(c.cgroup->fd.get(), e.cgroup);
    if (!cgroup) {
        return;
    }
    auto where = locate(*kernel_, *c.cgroup, cgroup->get());
    if (!where) {
        return;
    }
    change back;
    back.program = p;
    back.where = *std::move(where);
    back.flags = e.flags;
    if (check_attach(c, back)) {
        (void)do_attach(c, back);
    }
}

} // namespace bpf_cgroup_device
