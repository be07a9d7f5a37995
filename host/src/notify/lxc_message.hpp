// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <sys/types.h>

#include <linux/seccomp.h>

namespace deputyd
{

/// One request of LXC's notify proxy protocol (liblxc 3.2 and later): a datagram of a fixed head, the
/// notification, the answer to fill in and the cookie. The sizes of the middle two are in the head.
struct lxc_request {
    pid_t monitor_pid; ///< as the monitor sees itself
    pid_t init_pid;    ///< of the container, as the monitor sees it
    seccomp_notif notification;
    std::string cookie; ///< lxc.seccomp.notify.cookie, without a NUL
};

/// What is wrong with a datagram, or nullptr.
/// @param[out] ret_request filled in if nothing is.
const char *decode_lxc_request(std::span<const std::byte> datagram, lxc_request &ret_request);

/// Turns a request that decoded into its answer, in place.
/// @param response its id is the request's own.
/// @return the answer's size: the request without its cookie.
std::size_t encode_lxc_response(std::span<std::byte> datagram, const seccomp_notif_resp &response);

/// Longest datagram that is read: the head, both structs and a cookie of 4 KiB.
inline constexpr std::size_t lxc_datagram_limit = 8192;

/// Descriptors of a request, in this order. Before liblxc 4.0.5 the last one is missing.
enum lxc_descriptor : std::size_t {
    lxc_proc_directory, ///< /proc/TID of the caller
    lxc_memory,         ///< its memory, read and write
    lxc_listener,       ///< the notify descriptor
    lxc_descriptor_count,
};

} // namespace deputyd
