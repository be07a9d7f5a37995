// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <span>
#include <sys/types.h>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// recvmsg() of data and of the descriptors that come with it, all O_CLOEXEC.
/// @param[in,out] fds those that came are appended.
/// @param most descriptors kept; what comes beyond is closed as strangers' are.
/// @param[out] ret_cut whether the kernel or the limit cut some off, or cut the data.
/// @param[out] ret_waited if wanted: how long the data has waited, where the socket has SO_TIMESTAMPNS.
/// @return bytes, 0 at the end, or a negative errno.
ssize_t receive_with_fds(int socket, std::span<std::byte> data, std::vector<deputy::unique_fd> &fds,
                         std::size_t most, int flags, bool &ret_cut,
                         std::chrono::nanoseconds *ret_waited = nullptr);

/// Whether fd is a seccomp notify descriptor. Asks nothing of whoever serves the file.
bool is_seccomp_listener(int fd);

} // namespace deputyd
