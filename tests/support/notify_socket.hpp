// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// The socket by which systemd hears from its services, played by a test.

#include <algorithm>
#include <cstring>
#include <map>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd::test
{

class notify_socket
{
public:
    struct notice {
        std::string text;
        std::vector<deputy::unique_fd> fds;

        /// The value of "NAME=", or "".
        std::string value(const std::string &name) const
        {
            const std::string lines = "\n" + text + "\n";
            const auto at = lines.find("\n" + name + "=");
            if (at == lines.npos) {
                return "";
            }
            const auto from = at + name.size() + 2;
            return lines.substr(from, lines.find('\n', from) - from);
        }
    };

    explicit notify_socket(std::string path) : path_(std::move(path))
    {
        fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, path_.c_str(), sizeof a.sun_path - 1);
        ::unlink(path_.c_str());
        if (::bind(fd_.get(), reinterpret_cast<sockaddr *>(&a), sizeof a) != 0) {
            throw std::runtime_error("bind " + path_);
        }
    }
    ~notify_socket() { ::unlink(path_.c_str()); }
    notify_socket(const notify_socket &) = delete;
    notify_socket &operator=(const notify_socket &) = delete;

    const std::string &path() const { return path_; }

    /// The next notice, of which FDSTORE and FDSTOREREMOVE are carried out too.
    /// @param milliseconds to wait at most. @return no text if none came.
    notice next(int milliseconds = 30'000)
    {
        pollfd readable{fd_.get(), POLLIN, 0};
        if (::poll(&readable, 1, milliseconds) != 1) {
            return {};
        }
        notice n = receive();
        const std::string name = n.value("FDNAME");
        if (n.value("FDSTORE") == "1") {
            for (const auto &fd : n.fds) {
                stored_.emplace_back(name, deputy::unique_fd(::dup(fd.get())));
            }
        } else if (n.value("FDSTOREREMOVE") == "1") {
            std::erase_if(stored_, [&](const auto &s) { return s.first == name; });
        }
        return n;
    }
    /// Reads until a notice has this line. @return whether it came.
    bool wait_for(const std::string &name, const std::string &value)
    {
        for (;;) {
            const notice n = next();
            if (n.text.empty()) {
                return false;
            }
            if (n.value(name) == value) {
                return true;
            }
        }
    }
    /// Reads what is there.
    void drain()
    {
        while (!next(0).text.empty()) {
        }
    }
    /// What is stored, by name.
    const std::vector<std::pair<std::string, deputy::unique_fd>> &stored() const { return stored_; }

private:
    notice receive()
    {
        char text[4096];
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 253)];
        iovec part{text, sizeof text};
        msghdr m{};
        m.msg_iov = &part;
        m.msg_iovlen = 1;
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        const ssize_t n = ::recvmsg(fd_.get(), &m, MSG_CMSG_CLOEXEC);
        notice got;
        got.text.assign(text, n > 0 ? static_cast<std::size_t>(n) : 0);
        for (cmsghdr *c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
                for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
                    int fd = -1;
                    std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                    got.fds.emplace_back(fd);
                }
            }
        }
        return got;
    }

    std::string path_;
    deputy::unique_fd fd_;
    std::vector<std::pair<std::string, deputy::unique_fd>> stored_;
};

} // namespace deputyd::test
