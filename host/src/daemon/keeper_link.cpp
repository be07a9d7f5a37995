// SPDX-License-Identifier: Apache-2.0
#include "daemon/keeper_link.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

[[noreturn]] void end(const char *what, int number)
{
    log().error("{}: {}; this host ends", what, std::strerror(number));
    _exit(1);
}

} // namespace

std::vector<kept_entry> keeper_link::take_entries()
{
    std::vector<kept_entry> all;
    for (;;) {
        auto m = receive_message(socket_.get());
        if (!m) {
            end("the keeper's message cannot be read", m.error_number());
        }
        if (m->kind == message_kind::go) {
            return all;
        }
        if (m->kind == message_kind::entry) {
            all.push_back(read_entry(std::move(m->name), std::move(m->fds)));
        }
    }
}

deputy::result<message> keeper_link::receive()
{
    auto m = receive_message(socket_.get(), MSG_DONTWAIT);
    if (!m && m.error_number() != EAGAIN && m.error_number() != EPROTO) {
        end("the keeper is gone", m.error_number());
    }
    return m;
}

void keeper_link::store(const std::string &name, const nlohmann::json &record, std::initializer_list<int> fds)
{
    const deputy::unique_fd text = make_record(record);
    std::vector<int> all = {text.get()};
    all.insert(all.end(), fds);
    send(message_kind::store, 0, name, std::move(all));
}

void keeper_link::remove(const std::string &name)
{
    send(message_kind::remove, 0, name, {});
}

void keeper_link::say(message_kind kind, std::uint32_t status)
{
    send(kind, status, {}, {});
}

void keeper_link::send(message_kind kind, std::uint32_t status, const std::string &name, std::vector<int> fds)
{
    if (const auto sent = send_message(socket_.get(), kind, status, name, fds); !sent) {
        end("the keeper cannot be told", sent.error_number());
    }
}

} // namespace deputyd
