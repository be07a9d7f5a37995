// SPDX-License-Identifier: Apache-2.0
#include "plugin.hpp"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <mutex>
#include <sys/vfs.h>
#include <system_error>

#include "host_node.hpp"
#include "open_check.hpp"

namespace mknod_plugin
{
namespace
{

constexpr std::uint64_t grant = std::uint64_t{1} << CAP_MKNOD;

/// What an undo needs beside the directory that the call keeps.
struct token {
    std::uint64_t serial;
};

/// Whether nobody waits for this call's answer any more.
bool is_over(int number)
{
    return number == ESRCH || number == ECANCELED;
}

/// Files of a FUSE server are made by it, on the word of the process that asks: it would not believe the
/// host.
bool is_on_fuse(const deputy::unique_fd &directory)
{
    struct statfs fs {
    };
    return ::fstatfs(directory.get(), &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC;
}

/// Binds the host's node over the one that has just been made, in the caller's mount namespace.
/// @param node what has been made: nothing else is covered, whatever stands at its name by now.
deputy::result<void> bind_host_node(deputy::call &call, const deputy::unique_fd &directory,
                                    const std::string &name, const device &d, const file_identity &node)
{
    const auto source = find_host_node(d);
    if (!source) {
        return deputy::error{source.error_number()};
    }
    const deputy::unique_fd target(::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const auto found = identify(target.get(), "");
    if (!found || !(*found == node)) {
        return deputy::error{ENOENT};
    }
    return call.cover(*source, target);
}

/// The call as a person would write it.
void describe(const deputy::call &call, const std::string &path, std::uint32_t mode, const device &d)
{
    if (!call.is_looked_at()) {
        return;
    }
    char octal[16];
    std::snprintf(octal, sizeof octal, "0%o", mode & 0177777U);
    call.describe('"' + path + "\", " + octal + (d.block ? ", b " : ", c ") + std::to_string(d.major) + ':' +
                  std::to_string(d.minor));
}

bool can_be_made(const deputy::call::parent_directory &parent)
{
    return parent.last.kind == DEPUTY_LAST_NAME && parent.last.trailing_slash == 0 &&
           !is_on_fuse(parent.directory);
}

} // namespace

void plugin::container_added(const deputy_container &container)
{
    // Not make_shared: before clang 16 that makes no aggregate.
    container_ptr c(new container_state{
        container.name, read_settings(host_, container.id), container.wait_killable == 0, {}, nullptr, {}});
    if (c->set.granted) {
        c->granted = std::make_unique<granted_devices>(container.cgroup);
    }
    const std::unique_lock hold(containers_mutex_);
    containers_[container.id] = std::move(c);
}

void plugin::container_gone(std::uint64_t id)
{
    const std::unique_lock hold(containers_mutex_);
    containers_.erase(id);
}

plugin::container_ptr plugin::find(std::uint64_t id) const
{
    const std::shared_lock hold(containers_mutex_);
    const auto it = containers_.find(id);
    return it == containers_.end() ? nullptr : it->second;
}

deputy::answer plugin::mknod(deputy::call &call)
{
    return answer(call, {AT_FDCWD, call.arg(0), call.arg32(1), call.arg32(2)});
}

deputy::answer plugin::mknodat(deputy::call &call)
{
    return answer(call,
                  {static_cast<std::int32_t>(call.arg32(0)), call.arg(1), call.arg32(2), call.arg32(3)});
}

/// Decides by the registers and the caller alone, then by the path.
deputy::answer plugin::answer(deputy::call &call, const request &r)
{
    const auto c = find(call.container());
    const device wanted = decode(r.mode, r.number);
    if (!c || wanted.is_whiteout() || (!c->granted && !c->set.devices.contains(wanted))) {
        return deputy::answer::proceed();
    }
    const auto who = call.privileges();
    if (!who) {
        return deputy::answer::failure(who.error_number());
    }
    if (who->in_container_user_ns == 0 || (who->capabilities & grant) == 0) {
        return deputy::answer::proceed();
    }
    const auto path = call.read_string(r.path, PATH_MAX);
    if (!path) {
        return deputy::answer::failure(path.error_number());
    }
    describe(call, *path, r.mode, wanted);
    auto parent = call.parent(r.dirfd, *path);
    if (is_over(parent.error_number())) {
        return deputy::answer::failure(parent.error_number());
    }
    if (!parent || !can_be_made(*parent)) {
        return deputy::answer::proceed(); // whatever it leads to, the kernel says why there is no node
    }
    if (c->granted && !is_granted(*c, wanted)) {
        return deputy::answer::proceed();
    }
    return make(call, *c, {std::move(parent->directory), parent->last.name, r.mode, r.number});
}

bool plugin::is_granted(container_state &c, const device &d) const
{
    const auto granted = c.granted->contains(d);
    if (!granted) {
        std::call_once(c.told, [&] {
            host_.log(DEPUTY_LOG_WARNING,
                      "container " + c.name +
                          ": it gets no device node while what its rules grant cannot be " +
                          "found out: " + std::generic_category().message(granted.error_number()) +
                          "; list the devices instead of \"granted\", or see deputy-plugin-mknod(8)");
        });
    }
    return granted && *granted;
}

deputy::answer plugin::make(deputy::call &call, container_state &c, const place &p)
{
    const auto directory = identify(p.directory.get(), "");
    if (!directory) {
        return deputy::answer::failure(directory.error_number());
    }
    const auto record = std::make_shared<made_node>(call.syscall(), *directory, p.name);
    const std::uint64_t serial = c.made.add(record, call.syscall().tid);
    if (const auto committed = call.commit(token{serial}); !committed) {
        return deputy::answer::failure(committed.error_number());
    }
    call.keep(deputy::unique_fd(::fcntl(p.directory.get(), F_DUPFD_CLOEXEC, 0)));
    const auto done = make_node(call, c, p, serial, *record);
    if (!is_over(done.error_number())) {
        record->finish(c.made.next());
    }
    if (done) {
        return deputy::answer::value(0);
    }
    if (done.error_number() == EACCES) {
        return deputy::answer::proceed(); // what exists is told by the kernel to who may search but not write
    }
    return deputy::answer::failure(done.error_number());
}

/// Whether what is there has been made by this very call, whose answer was lost. It is this one's then.
bool plugin::adopt(const deputy::call &call, const container_state &c, const place &p, std::uint64_t serial)
{
    if (!c.answers_may_be_lost) {
        return false;
    }
    for (const auto &record : c.made.before(serial, call.syscall().tid)) {
        if (!record->is_by_same_call(call.syscall())) {
            return false;
        }
        if (record->adopt(call.syscall(), serial, p.directory.get(), p.name)) {
            return true;
        }
    }
    return false;
}

/// @return whether the node is one that this very call made before.
deputy::result<bool> plugin::make_or_adopt(deputy::call &call, const container_state &c, const place &p,
                                           std::uint64_t serial)
{
    // Twice: what was there may have been this very call's node, which its undo has removed meanwhile.
    for (int tries = c.answers_may_be_lost ? 2 : 1;; --tries) {
        const auto made = call.mknod(p.directory, p.name.c_str(), p.mode, p.number, grant);
        if (made || (made.error_number() == EEXIST && adopt(call, c, p, serial))) {
            return !made;
        }
        if (made.error_number() != EEXIST || tries == 1) {
            return deputy::error{made.error_number()};
        }
    }
}

deputy::result<void> plugin::make_node(deputy::call &call, const container_state &c, const place &p,
                                       std::uint64_t serial, made_node &record)
{
    const auto made = record.make(p.directory.get(), [&] { return make_or_adopt(call, c, p, serial); });
    return made ? make_usable(call, c, p, record) : made;
}

/// A node that nobody could open is covered with the host's, or removed.
deputy::result<void> plugin::make_usable(deputy::call &call, const container_state &c, const place &p,
                                         made_node &record)
{
    const auto usable = can_be_opened(p.directory.get(), p.name.c_str());
    if (!usable || *usable) {
        return {};
    }
    if (c.set.bind) {
        const auto covered = record.cover(p.directory.get(), [&](const file_identity &node) {
            return bind_host_node(call, p.directory, p.name, decode(p.mode, p.number), node);
        });
        if (covered || is_over(covered.error_number())) {
            return covered; // the undo of a call that is over removes the node
        }
    }
    call.explain("nodes of this file system cannot be opened");
    record.undo(p.directory.get(), [&](const char *name) { return call.unlink(p.directory, name, 0, 0); });
    return deputy::error{EPERM};
}

void plugin::undo(const deputy::undo_request &request)
{
    // After a restart of the host neither the directory nor the record is there: the node stays.
    const auto c = find(request.syscall.container);
    const auto record = c ? c->made.find(request.as<token>().serial) : nullptr;
    if (record) {
        record->undo(request.kept(),
                     [&](const char *name) { return request.unlink(request.kept(), name, 0, 0); });
    }
}

} // namespace mknod_plugin
