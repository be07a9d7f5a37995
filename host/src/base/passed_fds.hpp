// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <sys/types.h>
#include <sys/uio.h>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Descriptors that one message between processes of deputy has at most. What strangers send goes through
/// notify/received_fds.hpp.
constexpr std::size_t most_passed_fds = 8;

/// Sends one message with descriptors, which stay the sender's. No SIGPIPE comes of it.
/// @param flags of sendmsg(2). @return 0 or a negative errno.
std::int32_t send_fds(int socket, std::span<iovec> parts, std::span<const int> fds, int flags = 0) noexcept;

/// Receives one message and its descriptors, O_CLOEXEC; those that do not come stay as they are.
/// @return bytes, 0 at the end, or a negative errno (-EMSGSIZE: more bytes or descriptors than fit).
ssize_t receive_fds(int socket, std::span<std::byte> data, std::span<deputy::unique_fd> fds) noexcept;

} // namespace deputyd
