// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/seccomp.h>

#include <deputy/plugin.hpp>

#include "notify/channel.hpp"

namespace deputyd
{

/// A seccomp notify descriptor of our own: the ioctls of seccomp_unotify(2).
class listener final : public channel
{
public:
    /// Turns on SYNC_WAKE_UP where the kernel has it (6.6).
    explicit listener(deputy::unique_fd fd);

    [[nodiscard]] int poll_fd() const noexcept override { return fd_.get(); }
    received receive(void *zeroed) noexcept override;
    [[nodiscard]] int listener_fd() const noexcept override { return fd_.get(); }
    sent reply(std::uint64_t id, std::int64_t value, int error) noexcept override;
    sent proceed(std::uint64_t id) noexcept override;
    /// With answer in one step.
    injection inject(std::uint64_t id, const sendable &what, bool answer) noexcept override;

private:
    [[nodiscard]] bool hung_up() const noexcept;
    sent send(seccomp_notif_resp &response) noexcept;

    deputy::unique_fd fd_;
};

/// Turns on SYNC_WAKE_UP for a seccomp notify descriptor, where the kernel has it.
void wake_synchronously(int listener) noexcept;
/// Puts a duplicate of fd into the caller of a notification; with answer also returns its number there, in
/// the same step.
channel::injection add_descriptor(int listener, std::uint64_t id, const channel::sendable &what,
                                  bool answer) noexcept;

/// Size of the kernel's notification in bytes.
/// @throw std::runtime_error if the kernel has none.
std::size_t notification_size();

} // namespace deputyd
