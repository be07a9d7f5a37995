// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace deputyd
{

class container_access;
struct denied_calls;
std::shared_ptr<container_access> make_container_access();

/// What the host knows of a container, for as long as it is served.
struct container {
    std::uint64_t id;           ///< never used twice in a host's life; not 0
    std::string name;           ///< for log lines
    std::uint64_t user_ns;      ///< inode of its user namespace
    bool wait_killable = false; ///< its filter was installed with WAIT_KILLABLE_RECV
    /// What its profile denies and hands over; nullptr: nothing is known to be denied.
    std::shared_ptr<const denied_calls> denied{};
    /// Its user namespace, once that is needed.
    std::shared_ptr<container_access> access = make_container_access();
};

} // namespace deputyd
