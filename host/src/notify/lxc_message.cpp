// SPDX-License-Identifier: Apache-2.0
#include "notify/lxc_message.hpp"

#include <algorithm>
#include <cstring>

namespace deputyd
{
namespace
{

/// The head as liblxc lays it out; the same on every 64-bit architecture.
struct head {
    std::uint64_t reserved;
    std::int32_t monitor_pid;
    std::int32_t init_pid;
    seccomp_notif_sizes sizes;
    std::uint16_t padding;
    std::uint64_t cookie_size;
};
static_assert(sizeof(head) == 32 && offsetof(head, sizes) == 16 && offsetof(head, cookie_size) == 24);

head read_head(std::span<const std::byte> datagram)
{
    head h;
    std::memcpy(&h, datagram.data(), sizeof h);
    return h;
}

} // namespace

const char *decode_lxc_request(std::span<const std::byte> datagram, lxc_request &ret_request)
{
    if (datagram.size() < sizeof(head)) {
        return "it is shorter than the protocol's head";
    }
    const head h = read_head(datagram);
    if (h.reserved != 0) {
        return "its reserved field is not zero: a version of the protocol that is not known";
    }
    // A newer kernel's structs may be longer; a shorter one lacks what an answer needs.
    if (h.sizes.seccomp_notif < sizeof(seccomp_notif) ||
        h.sizes.seccomp_notif_resp < sizeof(seccomp_notif_resp)) {
        return "its structs are smaller than the kernel's first";
    }
    const std::size_t structs = std::size_t{h.sizes.seccomp_notif} + h.sizes.seccomp_notif_resp;
    const std::size_t rest = datagram.size() - sizeof(head);
    if (rest < structs || rest - structs != h.cookie_size) {
        return "its size is not the sum of its parts";
    }
    ret_request.monitor_pid = h.monitor_pid;
    ret_request.init_pid = h.init_pid;
    std::memcpy(&ret_request.notification, datagram.data() + sizeof(head), sizeof(seccomp_notif));
    const auto *cookie = reinterpret_cast<const char *>(datagram.data()) + sizeof(head) + structs;
    ret_request.cookie.assign(cookie, h.cookie_size);
    return nullptr;
}

std::size_t encode_lxc_response(std::span<std::byte> datagram, const seccomp_notif_resp &response)
{
    const head h = read_head(datagram);
    std::byte *place = datagram.data() + sizeof(head) + h.sizes.seccomp_notif;
    std::memset(place, 0, h.sizes.seccomp_notif_resp);
    std::memcpy(place, &response, sizeof response);
    return sizeof(head) + std::size_t{h.sizes.seccomp_notif} + h.sizes.seccomp_notif_resp;
}

} // namespace deputyd
