// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <linux/seccomp.h>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// A seccomp notify descriptor: the ioctls of seccomp_unotify(2). One thread receives at a time, any
/// answers.
class listener
{
public:
    enum class received {
        call,        ///< a notification is in the buffer
        nothing,     ///< withdrawn before it could be read
        interrupted, ///< by a signal
        gone,        ///< the filter has no more users
        broken,      ///< the descriptor does not work; errno says why
    };
    enum class sent {
        delivered, ///< the caller goes on with it (without WAIT_KILLABLE a signal may still beat it)
        lost,      ///< the caller was killed or interrupted
        late,      ///< somebody else has answered
        failed,    ///< see error
    };
    struct injection {
        sent outcome;
        int error; ///< for failed: EBADF for a descriptor that cannot be sent, else the caller's (EMFILE)
        int fd;    ///< number in the caller
    };

    /// Turns on SYNC_WAKE_UP where the kernel has it (6.6).
    explicit listener(deputy::unique_fd fd);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// Blocks for the next notification.
    /// @param zeroed notification_size() bytes; stays zeroed unless the result is call.
    received receive(void *zeroed) const noexcept;
    /// Answers with a value or, if error is not 0, with that errno.
    sent reply(std::uint64_t id, std::int64_t value, int error) const noexcept;
    /// Lets the kernel carry the call out.
    sent proceed(std::uint64_t id) const noexcept;
    /// Puts a duplicate of fd into the caller; with answer also returns its number there, in one step.
    injection inject(std::uint64_t id, int fd, std::uint32_t fd_flags, bool answer) const noexcept;

private:
    [[nodiscard]] bool hung_up() const noexcept;
    sent send(seccomp_notif_resp &response) const noexcept;

    deputy::unique_fd fd_;
};

/// Size of the kernel's notification in bytes.
/// @throw std::runtime_error if the kernel has none.
std::size_t notification_size();

} // namespace deputyd
