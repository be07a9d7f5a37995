// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace deputyd
{

/// What the host knows of a container, for as long as it is served.
struct container {
    std::uint64_t id;           ///< never used twice in a host's life; not 0
    std::string name;           ///< for log lines
    std::uint64_t user_ns;      ///< inode of its user namespace
    bool wait_killable = false; ///< its filter was installed with WAIT_KILLABLE_RECV
};

} // namespace deputyd
