// SPDX-License-Identifier: Apache-2.0
#include "daemon/dead_journal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.hpp"
#include "notify/journal.hpp"

namespace deputyd
{
namespace
{

/// A read-only mapping of a journal, checked to be one.
class mapped_journal
{
public:
    explicit mapped_journal(int fd)
    {
        struct stat st {
        };
        if (fstat(fd, &st) != 0 || static_cast<std::size_t>(st.st_size) < sizeof(journal_header)) {
            return;
        }
        size_ = static_cast<std::size_t>(st.st_size);
        address_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    }
    ~mapped_journal()
    {
        if (address_ != MAP_FAILED) {
            munmap(address_, size_);
        }
    }
    mapped_journal(const mapped_journal &) = delete;
    mapped_journal &operator=(const mapped_journal &) = delete;

    std::span<const journal_slot> slots() const
    {
        if (address_ == MAP_FAILED) {
            return {};
        }
        const auto &h = *static_cast<const journal_header *>(address_);
        const std::size_t room = (size_ - sizeof h) / sizeof(journal_slot);
        if (std::memcmp(h.magic, "deputyJ", sizeof h.magic) != 0 || h.version != journal::version ||
            h.slot_size != sizeof(journal_slot) || h.slot_count > room) {
            log().error("a journal of another version is left alone: its calls wait until they are killed");
            return {};
        }
        const auto *first =
            reinterpret_cast<const journal_slot *>(static_cast<const char *>(address_) + sizeof h);
        return {first, h.slot_count};
    }

private:
    void *address_ = MAP_FAILED;
    std::size_t size_ = 0;
};

bool refuse_call(int listener, std::uint64_t id, std::int32_t fail_error)
{
    seccomp_notif_resp r{};
    r.id = id;
    if (fail_error == journal_continues) {
        r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    } else {
        r.error = fail_error > 0 ? -fail_error : -EPERM;
    }
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r) == 0;
}

} // namespace

dead_calls answer_calls_of_dead(int journal, std::span<const int> listeners)
{
    dead_calls all;
    const mapped_journal mapped(journal);
    for (const journal_slot &slot : mapped.slots()) {
        std::uint64_t id = 0;
        std::memcpy(&id, slot.notification, sizeof id);
        if (slot.generation == 0 || id == 0) {
            continue;
        }
        const bool is_answered = std::any_of(listeners.begin(), listeners.end(),
                                             [&](int fd) { return refuse_call(fd, id, slot.fail_error); });
        ++(is_answered ? all.answered : all.elsewhere);
    }
    return all;
}

} // namespace deputyd
