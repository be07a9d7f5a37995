// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Closes descriptors that a stranger sent. The last close of a file may wait for whoever serves it, a FUSE
/// server for example, and so for ever: it happens on a thread of its own. While more than 64 such threads
/// wait, further descriptors stay open and the log says so. Any thread.
void close_foreign(std::vector<deputy::unique_fd> fds);

} // namespace deputyd
