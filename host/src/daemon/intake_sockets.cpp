// SPDX-License-Identifier: Apache-2.0
#include "daemon/intake_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include "base/log.hpp"
#include "daemon/listening_socket.hpp"

namespace deputyd
{
namespace
{

deputy::unique_fd duplicate(int fd)
{
    deputy::unique_fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        throw std::system_error(errno, std::system_category(), "cannot duplicate a descriptor");
    }
    return copy;
}

} // namespace

intake_sockets::intake_sockets(event_loop &loop, keeper_link &keeper, const arrival_sink &sink,
                               std::function<std::string(const char *)> new_name)
    : loop_(loop), keeper_(keeper), sink_(sink), new_name_(std::move(new_name))
{
}

void intake_sockets::take(kept_entry entry)
{
    for (auto &fd : entry.fds) {
        const int flags = fcntl(fd.get(), F_GETFL);
        fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK); // systemd's are not
        all_.push_back({entry.name, !entry.record.is_null(), std::move(fd), nullptr});
    }
}

intake_sockets::listening intake_sockets::make(const socket_config &config)
{
    return {new_name_("socket"), true, bind_socket(config), nullptr};
}

void intake_sockets::open(listening &l, const socket_config &config)
{
    if (l.accepts) {
        l.accepts->use(config);
    } else {
        l.accepts = std::make_unique<acceptor>(loop_, config, duplicate(l.fd.get()), sink_);
    }
}

void intake_sockets::use(const std::vector<socket_config> &configs)
{
    std::vector<listening> fresh;
    std::vector<std::pair<std::size_t, const socket_config *>> wanted; // index in all_, then in fresh
    try {
        for (const auto &config : configs) {
            // A socket whose file somebody removed is no use: nobody finds it.
            const bool is_there = access(config.path.c_str(), F_OK) == 0;
            const auto found = std::find_if(all_.begin(), all_.end(), [&](const listening &l) {
                return is_there && is_socket_of(l.fd.get(), config);
            });
            if (found == all_.end()) {
                fresh.push_back(make(config));
                keeper_.store(fresh.back().name, {{"kind", "socket"}, {"path", config.path.string()}},
                              {fresh.back().fd.get()});
                wanted.emplace_back(all_.size() + fresh.size() - 1, &config);
                continue;
            }
            set_access(config);
            wanted.emplace_back(found - all_.begin(), &config);
        }
    } catch (const std::exception &) {
        for (const auto &l : fresh) {
            keeper_.remove(l.name);
        }
        throw;
    }
    std::move(fresh.begin(), fresh.end(), std::back_inserter(all_));
    for (const auto &[index, config] : wanted) {
        open(all_[index], *config);
    }
    close_others(configs);
}

/// Stops to listen where the configuration does not say so any more. Connections that are half through end.
void intake_sockets::close_others(const std::vector<socket_config> &configs)
{
    std::erase_if(all_, [&](listening &l) {
        if (std::any_of(configs.begin(), configs.end(),
                        [&](const auto &config) { return is_socket_of(l.fd.get(), config); })) {
            return false;
        }
        if (!l.is_ours) {
            log().warn("systemd passed a socket ({}) that the configuration does not have: nobody is served "
                       "there",
                       l.name);
            l.accepts.reset();
            return false; // it is in the keeper's hands for another configuration
        }
        if (l.accepts) {
            unlink(l.accepts->config().path.c_str());
        }
        keeper_.remove(l.name);
        return true;
    });
}

} // namespace deputyd
