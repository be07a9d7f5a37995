// SPDX-License-Identifier: Apache-2.0
#include "notify/journal.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "notify/listener.hpp"

namespace deputyd
{
namespace
{

constexpr std::size_t whole_size = sizeof(journal_header) + journal::slots * sizeof(journal_slot);

[[noreturn]] void fail(const char *what)
{
    throw std::runtime_error(std::string("cannot make the journal: ") + what + ": " + std::strerror(errno));
}

journal_slot *slots_of(void *memory) noexcept
{
    return reinterpret_cast<journal_slot *>(static_cast<unsigned char *>(memory) + sizeof(journal_header));
}

} // namespace

journal::journal(std::uint64_t generation) : generation_(generation)
{
    if (notification_size() > sizeof(journal_slot::notification)) {
        throw std::runtime_error("the kernel's notifications have " + std::to_string(notification_size()) +
                                 " bytes, more than this version knows: update deputy");
    }
    fd_.reset(::memfd_create("deputy-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd_) {
        fail("memfd_create");
    }
    if (::ftruncate(fd_.get(), static_cast<off_t>(whole_size)) != 0) {
        fail("ftruncate");
    }
    if (::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        fail("F_ADD_SEALS");
    }
    free_.reserve(slots);
    for (std::uint32_t i = slots; i > 0; --i) {
        free_.push_back(i - 1);
    }
    memory_ = ::mmap(nullptr, whole_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (memory_ == MAP_FAILED) {
        fail("mmap");
    }
    auto *header = static_cast<journal_header *>(memory_);
    header->version = version;
    header->slot_size = sizeof(journal_slot);
    header->slot_count = slots;
    header->notification_size = static_cast<std::uint32_t>(notification_size());
    header->generation = generation;
    std::memcpy(header->magic, "deputyJ", sizeof header->magic);
}

journal::~journal()
{
    ::munmap(memory_, whole_size);
}

journal_slot *journal::acquire(std::uint64_t container)
{
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
        return nullptr;
    }
    journal_slot *slot = slots_of(memory_) + free_.back();
    free_.pop_back();
    clear(*slot);
    slot->container = container;
    slot->generation = generation_;
    return slot;
}

void journal::release(journal_slot *slot) noexcept
{
    const std::lock_guard lock(mutex_);
    clear(*slot);
    slot->generation = 0;
    free_.push_back(static_cast<std::uint32_t>(slot - slots_of(memory_))); // reserved: does not throw
}

void clear(journal_slot &slot) noexcept
{
    // The id goes last: as long as it is there, so is what belongs to it.
    std::atomic_ref(slot.token.size).store(0, std::memory_order_release);
    std::atomic_ref(slot.fail_error).store(0, std::memory_order_relaxed);
    auto *n = reinterpret_cast<seccomp_notif *>(slot.notification);
    std::memset(slot.notification + sizeof n->id, 0, notification_size() - sizeof n->id);
    std::uint64_t &id = *reinterpret_cast<std::uint64_t *>(slot.notification);
    std::atomic_ref(id).store(0, std::memory_order_release);
    slot.set_phase(call_phase::receiving);
}

} // namespace deputyd
