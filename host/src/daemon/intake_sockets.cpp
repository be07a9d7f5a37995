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

std::unique_ptr<acceptor> intake_sockets::listen_on(const listening &l, const socket_config &config)
{
    return std::make_unique<acceptor>(loop_, config, duplicate(l.fd.get()), sink_);
}

intake_sockets::listening intake_sockets::make(const socket_config &config)
{
    return {new_name_("socket"), true, bind_socket(config), nullptr};
}

void intake_sockets::prepare_one(const socket_config &config, change &c)
{
    // A socket whose file somebody removed is no use: nobody finds it.
    const bool is_there = access(config.path.c_str(), F_OK) == 0;
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const listening &l) {
        return is_there && is_socket_of(l.fd.get(), config);
    });
    if (found == all_.end()) {
        listening &l = c.fresh.emplace_back(make(config));
        l.accepts = listen_on(l, config);
        keeper_.store(l.name, {{"kind", "socket"}, {"path", config.path.string()}}, {l.fd.get()});
        return;
    }
    if (found->accepts) {
        c.access_before.push_back(found->accepts->config());
    } else {
        c.opened.emplace(found->fd.get(), listen_on(*found, config));
    }
    set_access(config);
}

intake_sockets::change intake_sockets::prepare(std::vector<socket_config> configs)
{
    change c;
    c.configs = std::move(configs);
    try {
        for (const auto &config : c.configs) {
            prepare_one(config, c);
        }
    } catch (const std::exception &) {
        cancel(std::move(c));
        throw;
    }
    return c;
}

void intake_sockets::cancel(change c) noexcept
{
    for (const listening &l : c.fresh) {
        keeper_.remove(l.name);
        for (const socket_config &config : c.configs) {
            if (is_socket_of(l.fd.get(), config)) {
                unlink(config.path.c_str());
            }
        }
    }
    for (const socket_config &before : c.access_before) {
        try {
            set_access(before);
        } catch (const std::exception &e) {
            log().error("{}", e.what());
        }
    }
}

void intake_sockets::use(change c) noexcept
{
    std::erase_if(all_, [&](const listening &old) { // whose file somebody removed
        const bool is_replaced = std::any_of(c.fresh.begin(), c.fresh.end(), [&](const listening &l) {
            return is_socket_of(old.fd.get(), l.accepts->config());
        });
        if (is_replaced) {
            keeper_.remove(old.name);
        }
        return is_replaced;
    });
    std::move(c.fresh.begin(), c.fresh.end(), std::back_inserter(all_));
    for (listening &l : all_) {
        if (const auto opened = c.opened.find(l.fd.get()); opened != c.opened.end()) {
            l.accepts = std::move(opened->second);
        }
        const auto config = std::find_if(c.configs.begin(), c.configs.end(), [&](const auto &wanted) {
            return is_socket_of(l.fd.get(), wanted);
        });
        if (config != c.configs.end() && l.accepts) {
            l.accepts->use(*config);
        }
    }
    close_others(c.configs);
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
