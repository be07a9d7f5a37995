// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

#include <deputy/plugin.hpp>

namespace deputy_bench
{

/// The least that can answer a listener: one thread, receive and send, SYNC_WAKE_UP, nothing else. What the
/// host is measured against.
class bare_supervisor
{
public:
    explicit bare_supervisor(deputy::unique_fd listener);
    ~bare_supervisor(); ///< the child must be gone
    bare_supervisor(const bare_supervisor &) = delete;
    bare_supervisor &operator=(const bare_supervisor &) = delete;

private:
    deputy::unique_fd listener_;
    std::thread thread_;
};

} // namespace deputy_bench
