// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "caller/call.hpp"

namespace deputyd
{

/// Resolves a path as the caller, as deputy_path_v1 says; the call's thread. May block for ever. What
/// ends on procfs is refused with -ELOOP, as a magic link is: it would show the host's own process.
std::int32_t resolve_path(deputy_call *call, std::int32_t dirfd, const char *path, std::uint64_t flags,
                          std::int32_t *ret_fd);

/// The directory of a path's last component, as deputy_path_v1 says; likewise.
std::int32_t resolve_parent(deputy_call *call, std::int32_t dirfd, const char *path, deputy_last *ret_last,
                            std::int32_t *ret_directory);

} // namespace deputyd
