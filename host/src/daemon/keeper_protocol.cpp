// SPDX-License-Identifier: Apache-2.0
#include "daemon/keeper_protocol.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "notify/received_fds.hpp"

namespace deputyd
{
namespace
{

constexpr std::uint16_t version = 1;
constexpr char magic[4] = {'d', 'p', 't', 'y'};

/// First in every message; the name follows.
struct header {
    char magic[4];
    std::uint16_t version;
    std::uint16_t kind;
    std::uint32_t status;
    std::uint16_t name_size;
    std::uint16_t fd_count;
};
static_assert(sizeof(header) == 16);

bool is_kind(std::uint16_t kind)
{
    const auto within = [kind](message_kind first, message_kind last) {
        return kind >= static_cast<std::uint16_t>(first) && kind <= static_cast<std::uint16_t>(last);
    };
    return within(message_kind::store, message_kind::ended) ||
           within(message_kind::entry, message_kind::drain);
}

} // namespace

bool is_entry_name(std::string_view text)
{
    return !text.empty() && text.size() <= entry_name_limit &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

std::vector<std::byte> encode(message_kind kind, std::uint32_t status, std::string_view name,
                              std::size_t fd_count)
{
    header h{};
    std::memcpy(h.magic, magic, sizeof magic);
    h.version = version;
    h.kind = static_cast<std::uint16_t>(kind);
    h.status = status;
    h.name_size = static_cast<std::uint16_t>(name.size());
    h.fd_count = static_cast<std::uint16_t>(fd_count);
    std::vector<std::byte> bytes(sizeof h + name.size());
    std::memcpy(bytes.data(), &h, sizeof h);
    std::copy(name.begin(), name.end(), reinterpret_cast<char *>(bytes.data()) + sizeof h);
    return bytes;
}

deputy::result<message> decode(std::span<const std::byte> bytes, std::vector<deputy::unique_fd> fds)
{
    header h;
    if (bytes.size() < sizeof h) {
        return deputy::error{EPROTO};
    }
    std::memcpy(&h, bytes.data(), sizeof h);
    if (std::memcmp(h.magic, magic, sizeof magic) != 0) {
        return deputy::error{EPROTO};
    }
    if (h.version != version) {
        return deputy::error{EPROTONOSUPPORT};
    }
    if (!is_kind(h.kind) || h.name_size != bytes.size() - sizeof h || h.fd_count != fds.size()) {
        return deputy::error{EPROTO};
    }
    message m{static_cast<message_kind>(h.kind), h.status, {}, std::move(fds)};
    m.name.assign(reinterpret_cast<const char *>(bytes.data()) + sizeof h, h.name_size);
    const bool is_named =
        m.kind == message_kind::store || m.kind == message_kind::remove || m.kind == message_kind::entry;
    const bool has_fds = m.kind == message_kind::store || m.kind == message_kind::entry;
    if (is_named != is_entry_name(m.name) || has_fds != !m.fds.empty()) {
        return deputy::error{EPROTO};
    }
    return m;
}

deputy::result<void> send_message(int socket, message_kind kind, std::uint32_t status, std::string_view name,
                                  std::span<const int> fds, int flags)
{
    if (fds.size() > entry_fd_limit || name.size() > entry_name_limit) {
        return deputy::error{EINVAL};
    }
    std::vector<std::byte> bytes = encode(kind, status, name, fds.size());
    iovec part{bytes.data(), bytes.size()};
    if (const std::int32_t r = send_fds(socket, {&part, 1}, fds, flags); r < 0) {
        return deputy::error{-r};
    }
    return {};
}

deputy::result<message> receive_message(int socket, int flags)
{
    std::array<std::byte, message_size_limit> bytes{};
    std::vector<deputy::unique_fd> fds;
    bool cut = false;
    ssize_t n = -EINTR;
    while (n == -EINTR) {
        n = receive_with_fds(socket, bytes, fds, entry_fd_limit, flags, cut);
    }
    if (n < 0) {
        return deputy::error{static_cast<int>(-n)};
    }
    if (n == 0) {
        return deputy::error{EPIPE};
    }
    if (cut) {
        return deputy::error{EPROTO};
    }
    return decode(std::span(bytes).first(static_cast<std::size_t>(n)), std::move(fds));
}

} // namespace deputyd
