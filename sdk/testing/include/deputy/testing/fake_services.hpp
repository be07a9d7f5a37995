// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_SERVICES_HPP
#define DEPUTY_TESTING_FAKE_SERVICES_HPP

/// @file
/// The fake host's extension tables; a part of deputy/testing/fake_host.hpp.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fake_host.hpp"

namespace deputy::testing
{
namespace detail
{

/// One call: what the tables get for their opaque deputy_call.
struct fake_call {
    fake_host *host;
    std::uint64_t container;
    bool may_commit;
    bool may_watch;
    std::chrono::milliseconds began;
    std::vector<std::byte> token{}; ///< as last committed
    bool committed = false;
    unique_fd kept{};
    bool undoing = false; ///< the caller has gone, and undo runs
    bool blocked = false;
    std::uint64_t ticket = 0;

    [[nodiscard]] deputy_call *raw() { return reinterpret_cast<deputy_call *>(this); }
};

/// The tables' functions, in the order of the headers.
struct fake_services {
    static fake_call &of(deputy_call *raw) { return *reinterpret_cast<fake_call *>(raw); }

    /// What every service does first. @return 0 or the negative errno to fail with.
    static std::int32_t step(fake_call &c, std::string_view service)
    {
        fake_host &h = *c.host;
        if (h.on_step) {
            h.on_step(service);
        }
        if (const std::int32_t planned = h.fails.next(service); planned != 0) {
            return planned;
        }
        if (h.failing != 0) {
            return h.failing;
        }
        return !c.blocked && h.clock.now() - c.began > h.deadline ? -ECANCELED : 0;
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
    /// Passes a descriptor on, or a negative errno.
    static std::int32_t give(std::int32_t fd, std::int32_t *ret)
    {
        if (fd >= 0) {
            *ret = fd;
        }
        return std::min(fd, 0);
    }

    static std::int32_t read(deputy_call *raw, std::uint64_t address, void *buffer, std::uint64_t size)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.read"); r != 0) {
            return r;
        }
        return c.host->fake_memory::read(address, buffer, size) ? 0 : -EFAULT;
    }
    static std::int32_t read_string(deputy_call *raw, std::uint64_t address, char *buffer, std::uint64_t size)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.read_string"); r != 0) {
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
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.read_struct"); r != 0) {
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
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.write"); r != 0) {
            return r;
        }
        return c.host->fake_memory::write(address, buffer, size) ? 0 : -EFAULT;
    }
    static std::int32_t privileges(deputy_call *raw, deputy_privileges *ret)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.privileges"); r != 0) {
            return r;
        }
        const auto &id = c.host->identity;
        const deputy_privileges p{sizeof p, id.in_container_user_ns, id.capabilities, id.user_ns};
        std::memcpy(ret, &p, std::min<std::size_t>(ret->struct_size, sizeof p));
        return 0;
    }
    static std::int32_t identity(deputy_call *raw, deputy_identity *ret)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.identity"); r != 0) {
            return r;
        }
        deputy_identity id = c.host->identity;
        id.group_count = static_cast<std::uint32_t>(c.host->groups.size());
        std::memcpy(ret, &id, std::min<std::size_t>(ret->struct_size, sizeof id));
        return 0;
    }
    static std::int32_t groups(deputy_call *raw, std::uint32_t *ret, std::uint32_t count)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "caller.groups"); r != 0) {
            return r;
        }
        const auto &all = c.host->groups;
        std::copy_n(all.begin(), std::min<std::size_t>(count, all.size()), ret);
        return static_cast<std::int32_t>(all.size());
    }

    static std::int32_t get_descriptor(deputy_call *raw, std::int32_t fd, std::int32_t *ret)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "descriptor.get"); r != 0) {
            return r;
        }
        return c.host->has_descriptor(fd) ? duplicate(c.host->descriptor(fd), ret) : -EBADF;
    }

    /// Where a path begins. @return a descriptor of the caller, -1 for its working directory, or -EBADF.
    static std::int32_t start_of(const fake_host &h, std::int32_t dirfd, const char *path)
    {
        if (dirfd == AT_FDCWD || path[0] == '/') {
            return -1;
        }
        return h.has_descriptor(dirfd) ? h.descriptor(dirfd) : -EBADF;
    }
    static std::int32_t resolve(deputy_call *raw, std::int32_t dirfd, const char *path, std::uint64_t flags,
                                std::int32_t *ret)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "path.resolve"); r != 0) {
            return r;
        }
        const std::int32_t start = start_of(*c.host, dirfd, path);
        return start == -EBADF ? start : give(c.host->files.resolve(start, path, flags), ret);
    }
    static std::int32_t parent(deputy_call *raw, std::int32_t dirfd, const char *path, deputy_last *ret_last,
                               std::int32_t *ret)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "path.parent"); r != 0) {
            return r;
        }
        const std::int32_t start = start_of(*c.host, dirfd, path);
        if (start == -EBADF) {
            return path[0] == '\0' ? -ENOENT : start;
        }
        deputy_last last{};
        last.struct_size = sizeof last;
        const std::int32_t fd = c.host->files.parent(start, path, last);
        if (fd >= 0) {
            std::memcpy(ret_last, &last, std::min<std::size_t>(ret_last->struct_size, sizeof last));
        }
        return give(fd, ret);
    }
    static std::int32_t name(deputy_call *raw, std::int32_t fd, char *buffer, std::uint64_t size)
    {
        auto &c = of(raw);
        const std::int32_t r = step(c, "path.name");
        return r != 0 ? r : c.host->files.name_of(fd, buffer, size);
    }

    static std::int32_t mknod(deputy_call *raw, std::int32_t directory, const char *name, std::uint32_t mode,
                              std::uint64_t device, std::uint64_t grant)
    {
        auto &c = of(raw);
        const std::int32_t r = step(c, "act.mknod");
        return r != 0 ? r
                      : c.host->files.mknod(directory, name, {mode & ~c.host->identity.umask, device, grant});
    }
    static std::int32_t open(deputy_call *raw, std::int32_t directory, const char *path, const open_how *how,
                             std::uint64_t how_size, std::uint64_t, std::int32_t *ret)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "act.open"); r != 0) {
            return r;
        }
        open_how mine{};
        std::memcpy(&mine, how, std::min<std::uint64_t>(how_size, sizeof mine));
        mine.mode &= ~std::uint64_t{c.host->identity.umask};
        return give(fake_files::open(directory, path, mine), ret);
    }
    static std::int32_t unlink(deputy_call *raw, std::int32_t directory, const char *name,
                               std::uint32_t flags, std::uint64_t)
    {
        auto &c = of(raw);
        const std::int32_t r = c.undoing ? 0 : step(c, "act.unlink");
        return r != 0 ? r : c.host->files.unlink(directory, name, flags);
    }
    static std::int32_t cover(deputy_call *raw, std::int32_t source, std::int32_t target)
    {
        auto &c = of(raw);
        const std::int32_t r = step(c, "act.cover");
        return r != 0 ? r : c.host->files.record_cover(source, target);
    }

    static std::int32_t commit(deputy_call *raw, const void *token, std::uint64_t size)
    {
        auto &c = of(raw);
        if (size > DEPUTY_TOKEN_SIZE) {
            return -EINVAL;
        }
        if (!c.may_commit) {
            return -ENOTSUP;
        }
        // It does not look at the caller: whether that has gone is found at the answer.
        if (const std::int32_t r = step(c, "effect.commit"); r != 0 && r != -ESRCH) {
            return r;
        }
        if (c.host->commit_failing != 0) {
            return c.host->commit_failing;
        }
        const auto *first = static_cast<const std::byte *>(token);
        c.token.assign(first, first + size);
        c.committed = size > 0;
        return 0;
    }
    static void keep(deputy_call *raw, std::int32_t fd) { of(raw).kept.reset(fd); }
    static std::int32_t kept(deputy_call *raw) { return of(raw).kept.get(); }

    static std::int32_t declare(const deputy_host *raw, const char *name, const char *,
                                std::uint32_t *ret_counter)
    {
        auto &h = fake_host::of(raw);
        const std::lock_guard hold(h.mutex_);
        const std::string_view text = name;
        const bool valid = !text.empty() && text.size() < 64 && text[0] >= 'a' && text[0] <= 'z' &&
                           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == text.npos;
        if (!valid || h.ready_) {
            return valid ? -EBUSY : -EINVAL;
        }
        if (h.counts_.size() >= 256 || h.counters_.count(name) != 0) {
            return h.counters_.count(name) != 0 ? -EEXIST : -ENOSPC;
        }
        *ret_counter = static_cast<std::uint32_t>(h.counts_.size());
        h.counters_[name] = *ret_counter;
        h.counts_.push_back(0);
        return 0;
    }
    static void add(const deputy_host *raw, std::uint32_t counter, std::uint64_t n)
    {
        auto &h = fake_host::of(raw);
        const std::lock_guard hold(h.mutex_);
        if (counter < h.counts_.size()) {
            h.counts_[counter] += n;
        }
    }

    static std::int32_t defer(deputy_call *raw, std::uint64_t *ret_ticket)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "defer.defer"); r != 0) {
            return r;
        }
        c.ticket = c.host->deferred.add(c.container);
        if (c.ticket == 0) {
            return -EAGAIN;
        }
        *ret_ticket = c.ticket;
        return 0;
    }
    static std::int32_t complete(const deputy_host *raw, std::uint64_t ticket, std::int32_t verdict,
                                 const deputy_answer *answer)
    {
        deputy_answer a{};
        a.fd = a.number = -1;
        std::memcpy(&a, answer, std::min<std::size_t>(answer->struct_size, sizeof a));
        return fake_host::of(raw).deferred.complete(ticket, verdict, a);
    }
    static std::int32_t block(deputy_call *raw)
    {
        auto &c = of(raw);
        if (const std::int32_t r = step(c, "defer.block"); r != 0) {
            return r;
        }
        if (!c.blocked && !c.host->deferred.enter(c.container)) {
            return -EAGAIN;
        }
        c.blocked = true;
        return 0;
    }
    static std::int32_t interrupted(deputy_call *raw)
    {
        auto &c = of(raw);
        const std::int32_t r = step(c, "defer.interrupted");
        return r != 0 ? r : c.host->interruption;
    }

    static std::int32_t watch(deputy_call *raw, std::uint64_t *ret_process)
    {
        auto &c = of(raw);
        if (!c.may_watch) {
            return -ENOTSUP;
        }
        if (const std::int32_t r = step(c, "process.watch"); r != 0) {
            return r;
        }
        auto &h = *c.host;
        const std::lock_guard hold(h.mutex_);
        *ret_process = h.watched_.try_emplace(h.identity.tgid, h.next_process_ + 1).first->second;
        h.next_process_ = std::max(h.next_process_, *ret_process);
        return 0;
    }

    template <class T> static const T *setting(const deputy_host *raw, std::uint64_t container,
                                               const char *pointer, std::int32_t &ret_error)
    {
        auto &h = fake_host::of(raw);
        return h.settings.get<T>(container, pointer, ret_error);
    }
    static std::int32_t boolean(const deputy_host *raw, std::uint64_t container, const char *pointer,
                                std::int32_t *ret)
    {
        std::int32_t error = 0;
        if (const bool *v = setting<bool>(raw, container, pointer, error)) {
            *ret = *v ? 1 : 0;
        }
        return error;
    }
    static std::int32_t integer(const deputy_host *raw, std::uint64_t container, const char *pointer,
                                std::int64_t *ret)
    {
        std::int32_t error = 0;
        if (const std::int64_t *v = setting<std::int64_t>(raw, container, pointer, error)) {
            *ret = *v;
        }
        return error;
    }
    static std::int32_t string(const deputy_host *raw, std::uint64_t container, const char *pointer,
                               const char **ret)
    {
        std::int32_t error = 0;
        if (const std::string *v = setting<std::string>(raw, container, pointer, error)) {
            *ret = v->c_str();
        }
        return error;
    }
    static std::int32_t count(const deputy_host *raw, std::uint64_t container, const char *pointer,
                              std::uint32_t *ret)
    {
        const std::int32_t n = fake_host::of(raw).settings.count(container, pointer);
        if (n >= 0) {
            *ret = static_cast<std::uint32_t>(n);
        }
        return std::min(n, 0);
    }
};

/// The extension table with this id, or nullptr.
inline const void *find_table(std::string_view id)
{
    using s = fake_services;
    static constexpr deputy_act_v1 act = {&s::mknod, &s::open, &s::unlink, &s::cover};
    static constexpr deputy_caller_v1 caller = {&s::read,       &s::read_string, &s::read_struct, &s::write,
                                                &s::privileges, &s::identity,    &s::groups};
    static constexpr deputy_counters_v1 counters = {&s::declare, &s::add};
    static constexpr deputy_defer_v1 defer = {&s::defer, &s::complete, &s::block, &s::interrupted};
    static constexpr deputy_descriptor_v1 descriptor = {&s::get_descriptor};
    static constexpr deputy_effect_v1 effect = {&s::commit, &s::keep, &s::kept};
    static constexpr deputy_path_v1 path = {&s::resolve, &s::parent, &s::name};
    static constexpr deputy_process_v1 process = {&s::watch};
    static constexpr deputy_settings_v1 settings = {&s::boolean, &s::integer, &s::string, &s::count};
    static constexpr std::pair<std::string_view, const void *> tables[] = {
        {DEPUTY_EXT_ACT_1, &act},
        {DEPUTY_EXT_CALLER_1, &caller},
        {DEPUTY_EXT_COUNTERS_1, &counters},
        {DEPUTY_EXT_DEFER_1, &defer},
        {DEPUTY_EXT_DESCRIPTOR_1, &descriptor},
        {DEPUTY_EXT_EFFECT_1, &effect},
        {DEPUTY_EXT_PATH_1, &path},
        {DEPUTY_EXT_PROCESS_1, &process},
        {DEPUTY_EXT_SETTINGS_1, &settings}};
    for (const auto &[name, table] : tables) {
        if (name == id) {
            return table;
        }
    }
    return nullptr;
}

} // namespace detail
} // namespace deputy::testing

#endif
