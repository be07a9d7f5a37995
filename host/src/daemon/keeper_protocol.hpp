// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <deputy/plugin.hpp>

#include "base/passed_fds.hpp"

namespace deputyd
{

/// What keeper and host say to each other.
enum class message_kind : std::uint16_t {
    // host to keeper
    store = 1, ///< keep these descriptors under this name, in place of what is there
    remove,    ///< forget a name
    ready,     ///< it serves
    pong,
    reloaded, ///< status 0, or 1 if the old configuration stays
    ended,    ///< it has answered its calls and ends now
    // keeper to host
    entry = 32, ///< something that is kept
    go,         ///< that was all
    ping,
    reload,
    drain, ///< answer the calls in flight and end
};

struct message {
    message_kind kind;
    std::uint32_t status = 0;
    std::string name; ///< of an entry
    std::vector<deputy::unique_fd> fds;
};

inline constexpr std::size_t entry_fd_limit = most_passed_fds; ///< descriptors of one entry
inline constexpr std::size_t entry_name_limit = 64;            ///< bytes of its name
inline constexpr std::size_t message_size_limit = 128;         ///< bytes of a message

/// Whether text can name an entry: 1 to 64 letters, digits, '-', '_' and '.', which systemd takes too.
bool is_entry_name(std::string_view text);

/// The bytes of a message. Its fds travel beside them.
std::vector<std::byte> encode(message_kind kind, std::uint32_t status, std::string_view name,
                              std::size_t fd_count);
/// Reads a message. @return EPROTO if the bytes are none, EPROTONOSUPPORT if another version sent them.
deputy::result<message> decode(std::span<const std::byte> bytes, std::vector<deputy::unique_fd> fds);

/// Sends one message over a SOCK_SEQPACKET socket. @param flags MSG_DONTWAIT or 0.
deputy::result<void> send_message(int socket, message_kind kind, std::uint32_t status = 0,
                                  std::string_view name = {}, std::span<const int> fds = {}, int flags = 0);
/// Receives one. @return EPIPE at the end, EAGAIN, or what decode() returns.
deputy::result<message> receive_message(int socket, int flags = 0);

} // namespace deputyd
