// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace deputyd
{

/// Where a container's calls come from and their answers go: a seccomp notify descriptor of our own, or a
/// connection of LXC's monitor, which keeps the descriptor. One thread receives at a time, any answers.
class channel
{
public:
    enum class received {
        call,        ///< a notification is in the buffer
        nothing,     ///< withdrawn before it could be read
        interrupted, ///< by a signal
        gone,        ///< no more calls come
        broken,      ///< it does not work; errno says why
    };
    enum class sent {
        delivered, ///< the caller goes on with it (without WAIT_KILLABLE a signal may still beat it)
        lost,      ///< the caller was killed or interrupted
        late,      ///< somebody else has answered
        failed,    ///< see error
    };
    struct sendable {
        int fd;                 ///< borrowed
        std::uint32_t fd_flags; ///< O_CLOEXEC or 0
        int number = -1;        ///< of the caller's descriptor, which is replaced; -1: the lowest free
    };
    struct injection {
        sent outcome;
        int error; ///< for failed: EBADF for a descriptor that cannot be sent, or a number above the caller's
                   ///< limit, else the caller's (EMFILE)
        int fd;    ///< number in the caller
    };

    virtual ~channel() = default;

    /// Descriptor that polls readable when a call waits, and hung up when no more come.
    [[nodiscard]] virtual int poll_fd() const noexcept = 0;
    /// Blocks for the next notification.
    /// @param zeroed notification_size() bytes; stays zeroed unless the result is call.
    virtual received receive(void *zeroed) noexcept = 0;
    /// The seccomp notify descriptor of the call received last, for ID_VALID; -1 if it is not known.
    [[nodiscard]] virtual int listener_fd() const noexcept = 0;
    /// Answers with a value or, if error is not 0, with that errno.
    virtual sent reply(std::uint64_t id, std::int64_t value, int error) noexcept = 0;
    /// Lets the kernel carry the call out.
    virtual sent proceed(std::uint64_t id) noexcept = 0;
    /// Puts a duplicate of a descriptor into the caller; with answer also returns its number there.
    virtual injection inject(std::uint64_t id, const sendable &what, bool answer) noexcept = 0;

    /// The thread that received the call is done with it: what listener_fd() gave for it may be closed.
    virtual void finish(std::uint64_t id) noexcept { (void)id; }
    /// How long after it was received a call should be answered at the latest, whatever the host's deadline.
    [[nodiscard]] virtual std::chrono::milliseconds patience() const noexcept
    {
        return std::chrono::hours{24 * 365 * 100};
    }
};

} // namespace deputyd
