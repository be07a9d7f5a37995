// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <deputy/plugin.hpp>

/// What a handler committed for a call, before its effect. A commit of no bytes withdraws it.
struct deputy_token {
    std::uint32_t size; ///< 0: nothing to undo; written last
    std::uint32_t reserved;
    unsigned char bytes[DEPUTY_TOKEN_SIZE];
};

namespace deputyd
{

/// How far a call got.
enum class call_phase : std::uint32_t {
    receiving = 0, ///< no call, or one that the kernel has just written: its id is not 0 then
    handling = 1,  ///< its handler runs; token tells of an effect, perhaps begun
    answering = 2, ///< its answer is on the way, perhaps delivered
    ended = 3,     ///< being cleared
};

/// journal_slot::fail_error of a call that the kernel carries out if the host dies: its handler does nothing.
constexpr std::int32_t journal_continues = -1;

/// One thread's call in flight, as a successor of the host finds it.
struct alignas(64) journal_slot {
    std::uint64_t generation; ///< of the host that wrote it; 0: free
    std::uint64_t container;  ///< id
    std::uint32_t phase;      ///< call_phase
    std::int32_t fail_error;  ///< what the caller gets if the host dies: 0: EPERM; or journal_continues
    deputy_token token;
    /// The kernel's struct seccomp_notif. RECV writes right here, so that no instant exists in which a
    /// call is received but not recorded.
    alignas(8) unsigned char notification[256];

    void set_phase(call_phase p) noexcept
    {
        std::atomic_ref(phase).store(static_cast<std::uint32_t>(p), std::memory_order_release);
    }
};

/// First in the memfd; the slots follow.
struct alignas(64) journal_header {
    char magic[8];            ///< "deputyJ" and NUL
    std::uint32_t version;    ///< journal::version
    std::uint32_t slot_size;  ///< bytes
    std::uint32_t slot_count; ///< that follow
    std::uint32_t notification_size;
    std::uint64_t generation; ///< of the host that writes
};

/// The calls in flight of a host, in memory that can outlive it: a memfd that cannot shrink or grow.
/// Layout in the machine's byte order: journal_header, then slot_count times journal_slot. A page of it
/// costs memory only once a thread has used it.
class journal
{
public:
    static constexpr std::uint32_t version = 1;
    static constexpr std::uint32_t slots = 8192;

    /// @throw std::runtime_error if there is no memory or no seccomp notifier.
    explicit journal(std::uint64_t generation = 1);
    ~journal();
    journal(const journal &) = delete;
    journal &operator=(const journal &) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// A cleared slot for calls of the container, the caller's until release(); nullptr if all are taken.
    /// Any thread.
    journal_slot *acquire(std::uint64_t container);
    void release(journal_slot *slot) noexcept; ///< any thread

private:
    deputy::unique_fd fd_;
    void *memory_ = nullptr;
    std::uint64_t generation_;
    std::mutex mutex_;
    std::vector<std::uint32_t> free_;
};

/// Makes a slot ready for the next RECV.
void clear(journal_slot &slot) noexcept;

} // namespace deputyd
