// SPDX-License-Identifier: Apache-2.0
#include "programs.hpp"

#include <algorithm>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

namespace bpf_cgroup_device
{
namespace
{

/// A caller can have this many descriptors for each program of its quota.
constexpr std::size_t stand_ins_a_program = 4;

std::optional<std::pair<std::uint64_t, std::uint64_t>> inode_of(int fd)
{
    struct stat st {
    };
    if (::fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
        return {};
    }
    return std::pair<std::uint64_t, std::uint64_t>(st.st_dev, st.st_ino);
}

deputy::unique_fd checked(int fd, const char *what)
{
    if (fd < 0) {
        throw std::system_error(errno, std::system_category(), what);
    }
    return deputy::unique_fd(fd);
}

void watch(int epoll, int fd, std::uint32_t events)
{
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        throw std::system_error(errno, std::system_category(), "cannot watch a descriptor");
    }
}

} // namespace

program_table::program_table()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll descriptor")),
      wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "cannot make an event descriptor"))
{
    watch(epoll_.get(), wake_.get(), EPOLLIN);
}

std::uint64_t program_table::next_serial()
{
    const std::lock_guard hold(mutex_);
    return ++last_serial_;
}

void program_table::add_container(std::uint64_t container, std::size_t quota)
{
    const std::lock_guard hold(mutex_);
    containers_[container].limit = quota;
}

void program_table::remove_container(std::uint64_t container)
{
    const std::lock_guard hold(mutex_);
    std::vector<inode> open;
    for (const auto &[serial, e] : programs_) {
        if (e.program->container == container) {
            open.insert(open.end(), e.stand_ins.begin(), e.stand_ins.end());
        }
    }
    for (const auto &i : open) {
        const auto it = stand_ins_.find(i);
        by_write_end_.erase(it->second.write_end.get());
        stand_ins_.erase(it);
    }
    std::erase_if(programs_, [&](const auto &p) { return p.second.program->container == container; });
    containers_.erase(container);
}

bool program_table::has_room(std::uint64_t container)
{
    const std::lock_guard hold(mutex_);
    const auto it = containers_.find(container);
    return it != containers_.end() && it->second.programs < it->second.limit;
}

deputy::result<deputy::unique_fd> program_table::add(program_ptr p)
{
    const std::lock_guard hold(mutex_);
    const auto q = containers_.find(p->container);
    if (q == containers_.end() || q->second.programs >= q->second.limit) {
        return deputy::error{ENOMEM};
    }
    entry e;
    e.program = std::move(p);
    auto fd = make_stand_in(e, q->second);
    if (fd) {
        ++q->second.programs;
        const std::uint64_t serial = e.program->serial;
        programs_.emplace(serial, std::move(e));
    }
    return fd;
}

deputy::result<deputy::unique_fd> program_table::stand_in(const program_ptr &p)
{
    const std::lock_guard hold(mutex_);
    const auto e = programs_.find(p->serial);
    const auto q = containers_.find(p->container);
    if (e == programs_.end() || q == containers_.end()) {
        return deputy::error{ENOENT};
    }
    return make_stand_in(e->second, q->second);
}

deputy::result<deputy::unique_fd> program_table::make_stand_in(entry &e, quota &q)
{
    if (q.stand_ins >= q.limit * stand_ins_a_program) {
        return deputy::error{EMFILE};
    }
    std::array<int, 2> ends{};
    // A reader would otherwise sleep for ever: nothing is ever written.
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return deputy::error{errno};
    }
    deputy::unique_fd read_end(ends[0]);
    deputy::unique_fd write_end(ends[1]);
    const auto i = inode_of(write_end.get());
    if (!i) {
        return deputy::error{EIO};
    }
    const int number = write_end.get();
    watch(epoll_.get(), number, 0); // EPOLLERR, which is always reported: the last reader has gone
    stand_ins_.insert_or_assign(*i, open_stand_in{std::move(write_end), e.program->serial});
    by_write_end_.insert_or_assign(number, *i);
    e.stand_ins.push_back(*i);
    ++q.stand_ins;
    return read_end;
}

program_ptr program_table::by_descriptor(int fd)
{
    const auto i = inode_of(fd);
    if (!i) {
        return {};
    }
    const std::lock_guard hold(mutex_);
    const auto s = stand_ins_.find(*i);
    return s == stand_ins_.end() ? nullptr : programs_.at(s->second.serial).program;
}

program_ptr program_table::by_id(std::uint64_t container, std::uint32_t id)
{
    const std::lock_guard hold(mutex_);
    for (const auto &[serial, e] : programs_) {
        if (e.program->container == container && e.program->id == id && !e.program->probe()) {
            return e.program;
        }
    }
    return {};
}

program_ptr program_table::by_serial(std::uint64_t serial)
{
    const std::lock_guard hold(mutex_);
    const auto e = programs_.find(serial);
    return e == programs_.end() ? nullptr : e->second.program;
}

std::vector<std::size_t> program_table::owned(std::uint64_t container, const std::vector<std::uint32_t> &ids)
{
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (by_id(container, ids[i])) {
            places.push_back(i);
        }
    }
    return places;
}

void program_table::attached(const program_ptr &p, std::uint64_t cgroup_id, int cgroup)
{
    auto copy = std::make_shared<deputy::unique_fd>(::fcntl(cgroup, F_DUPFD_CLOEXEC, 0));
    const std::lock_guard hold(mutex_);
    const auto q = containers_.find(p->container);
    if (q == containers_.end()) {
        return;
    }
    const auto [e, is_new] = programs_.try_emplace(p->serial);
    if (is_new) { // its caller was killed meanwhile, and every descriptor closed thereby
        e->second.program = p;
        ++q->second.programs;
    }
    e->second.attached_at[cgroup_id] = std::move(copy);
}

void program_table::detached(const program_ptr &p, std::uint64_t cgroup_id)
{
    const std::lock_guard hold(mutex_);
    const auto e = programs_.find(p->serial);
    if (e != programs_.end()) {
        e->second.attached_at.erase(cgroup_id);
        drop_if_unused(p->serial);
    }
}

std::optional<deputy::unique_fd> program_table::where_attached(const program_ptr &p, std::uint64_t cgroup_id)
{
    const std::lock_guard hold(mutex_);
    const auto e = programs_.find(p->serial);
    if (e == programs_.end()) {
        return {};
    }
    const auto at = e->second.attached_at.find(cgroup_id);
    if (at == e->second.attached_at.end()) {
        return {};
    }
    return deputy::unique_fd(::fcntl(at->second->get(), F_DUPFD_CLOEXEC, 0));
}

void program_table::withdraw(std::uint64_t serial)
{
    const std::lock_guard hold(mutex_);
    const auto e = programs_.find(serial);
    if (e == programs_.end()) {
        return;
    }
    const auto open = e->second.stand_ins; // close_stand_in() changes it
    for (const auto &i : open) {
        close_stand_in(i);
    }
}

void program_table::close_stand_in(const inode &which)
{
    const auto s = stand_ins_.find(which);
    if (s == stand_ins_.end()) {
        return;
    }
    const std::uint64_t serial = s->second.serial;
    by_write_end_.erase(s->second.write_end.get());
    stand_ins_.erase(s); // closes the write end, which leaves the epoll set thereby
    auto &e = programs_.at(serial);
    std::erase(e.stand_ins, which);
    --containers_.at(e.program->container).stand_ins;
    drop_if_unused(serial);
}

void program_table::drop_if_unused(std::uint64_t serial)
{
    const auto e = programs_.find(serial);
    if (e->second.stand_ins.empty() && e->second.attached_at.empty()) {
        --containers_.at(e->second.program->container).programs;
        programs_.erase(e);
    }
}

void program_table::collect(int timeout)
{
    std::array<epoll_event, 64> events{};
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    const std::lock_guard hold(mutex_);
    for (int i = 0; i < n; ++i) {
        const auto &e = events[static_cast<std::size_t>(i)];
        if (e.data.fd == wake_.get()) {
            std::uint64_t ignored = 0;
            [[maybe_unused]] const auto r = ::read(wake_.get(), &ignored, sizeof ignored);
            continue;
        }
        // The number may be another stand-in's by now: one whose reader has not gone is let be.
        const auto found = by_write_end_.find(e.data.fd);
        if (found == by_write_end_.end()) {
            continue;
        }
        pollfd still{e.data.fd, 0, 0};
        if (::poll(&still, 1, 0) == 1 && (still.revents & POLLERR) != 0) {
            const inode which = found->second;
            close_stand_in(which);
        }
    }
}

void program_table::collect_attached(kernel &k)
{
    struct attachment {
        program_ptr program;
        std::uint64_t cgroup_id;
        std::shared_ptr<deputy::unique_fd> cgroup;
    };
    std::vector<attachment> all;
    {
        const std::lock_guard hold(mutex_);
        for (const auto &[serial, e] : programs_) {
            for (const auto &[id, fd] : e.attached_at) {
                all.push_back({e.program, id, fd});
            }
        }
    }
    for (const auto &a : all) {
        const auto there = k.query(a.cgroup->get(), BPF_CGROUP_DEVICE, false);
        const bool gone =
            there ? std::find(there->ids.begin(), there->ids.end(), a.program->id) == there->ids.end()
                  : there.error_number() == ENOENT;
        if (!gone) {
            continue;
        }
        // Only the attachment that was looked at: it may have been made anew meanwhile.
        const std::lock_guard hold(mutex_);
        const auto e = programs_.find(a.program->serial);
        if (e != programs_.end()) {
            const auto at = e->second.attached_at.find(a.cgroup_id);
            if (at != e->second.attached_at.end() && at->second == a.cgroup) {
                e->second.attached_at.erase(at);
                drop_if_unused(a.program->serial);
            }
        }
    }
}

bool program_table::any_attached(std::optional<std::uint64_t> container)
{
    const std::lock_guard hold(mutex_);
    return std::any_of(programs_.begin(), programs_.end(), [&](const auto &p) {
        const entry &e = p.second;
        return !e.attached_at.empty() && (!container || e.program->container == *container);
    });
}

void program_table::interrupt()
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto r = ::write(wake_.get(), &one, sizeof one);
}

std::pair<std::size_t, std::size_t> program_table::count()
{
    const std::lock_guard hold(mutex_);
    return {programs_.size(), stand_ins_.size()};
}

} // namespace bpf_cgroup_device
