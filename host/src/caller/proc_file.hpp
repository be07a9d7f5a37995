// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// The whole of a file below an open /proc/TID directory. @return the errno: ESRCH once the thread is gone.
/// @throw std::bad_alloc.
deputy::result<std::string> read_proc_file(int proc, const char *name);

} // namespace deputyd
