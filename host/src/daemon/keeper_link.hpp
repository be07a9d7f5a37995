// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "daemon/keeper_protocol.hpp"
#include "daemon/kept_entry.hpp"

namespace deputyd
{

/// The host's end of the socket to its keeper. A host whose keeper is gone ends at once: its successor may
/// run already. Main thread.
class keeper_link
{
public:
    explicit keeper_link(deputy::unique_fd socket) : socket_(std::move(socket)) {}

    int fd() const { return socket_.get(); }
    /// Everything that is kept; blocks until the keeper has said it all. Once, before anything else.
    std::vector<kept_entry> take_entries();
    /// The next message. @return EAGAIN if there is none.
    deputy::result<message> receive();

    /// Has descriptors and their record kept, also if this process ends in the next instruction.
    void store(const std::string &name, const nlohmann::json &record, std::initializer_list<int> fds);
    void remove(const std::string &name);
    void say(message_kind kind, std::uint32_t status = 0);

private:
    void send(message_kind kind, std::uint32_t status, const std::string &name, std::vector<int> fds);
    deputy::unique_fd socket_;
};

} // namespace deputyd
