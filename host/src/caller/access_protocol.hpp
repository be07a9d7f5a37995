// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// What the host and its access helper say to each other: one request, one answer, each one message of a
/// SOCK_SEQPACKET. Both ends are parts of deputy, of one build; nothing of a container's makes a message.

#include <climits>
#include <cstdint>

namespace deputyd
{

/// The helper's descriptors when it starts: its end of the socket, and the user namespace to join.
constexpr int access_socket = 0;
constexpr int access_user_ns = 1;

/// Supplementary groups that a request has at most.
constexpr std::uint32_t access_groups = 4096;

/// Open a path with O_PATH as this caller. Ids are those inside the user namespace. With it come three
/// directories: the caller's root, where a relative path starts, and the host's root, where the helper waits
/// for the next request. After it come the groups and the path with its NUL.
struct access_request {
    std::uint64_t flags;        ///< of openat2(), beside O_PATH and O_CLOEXEC
    std::uint64_t capabilities; ///< effective
    std::uint32_t uid[4];       ///< real, effective, saved, file system
    std::uint32_t gid[4];
    std::uint32_t group_count;
    std::uint32_t path_size; ///< with the NUL
};
constexpr std::size_t access_request_most =
    sizeof(access_request) + access_groups * sizeof(std::uint32_t) + PATH_MAX;

/// With it comes the descriptor, if result is 0.
struct access_answer {
    std::int32_t result;  ///< 0 or a negative errno of openat2()
    std::uint32_t became; ///< 1 if the helper could become the caller; else result says why not
};

} // namespace deputyd
