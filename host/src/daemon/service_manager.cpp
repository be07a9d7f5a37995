// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_manager.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/passed_fds.hpp"

namespace deputyd
{
namespace
{

constexpr int first_passed = 3;

std::optional<long> number(const char *text)
{
    long value = 0;
    if (text == nullptr) {
        return {};
    }
    const char *end = text + std::strlen(text);
    const auto r = std::from_chars(text, end, value);
    return r.ec == std::errc() && r.ptr == end ? std::optional(value) : std::nullopt;
}

/// Whether a variable that names a process names this one, or is not there.
bool is_for_us(const char *variable)
{
    const char *text = std::getenv(variable);
    return text == nullptr || number(text) == getpid();
}

} // namespace

service_manager::service_manager(const std::string &address,
                                 std::optional<std::chrono::microseconds> watchdog)
    : watchdog_(watchdog)
{
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (address.empty() || address.size() >= sizeof to.sun_path) {
        log().error("NOTIFY_SOCKET is not the address of a socket: {}", escaped(address));
        return;
    }
    std::memcpy(to.sun_path, address.data(), address.size());
    if (to.sun_path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket_ || connect(socket_.get(), reinterpret_cast<const sockaddr *>(&to), size) != 0) {
        log().error("systemd's socket {} cannot be reached: {}", escaped(address), std::strerror(errno));
        socket_.reset();
        return;
    }
    // Its queue may be full while many descriptors are stored; one that hangs must not hang us.
    const timeval limit{5, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

service_manager service_manager::from_environment()
{
    const char *address = std::getenv("NOTIFY_SOCKET");
    if (address == nullptr) {
        return {};
    }
    std::optional<std::chrono::microseconds> watchdog;
    const auto usec = number(std::getenv("WATCHDOG_USEC"));
    if (usec && *usec > 0 && is_for_us("WATCHDOG_PID")) {
        watchdog = std::chrono::microseconds(*usec);
    }
    return service_manager(address, watchdog);
}

void service_manager::notify(const std::string &lines, std::span<const int> fds) const noexcept
{
    if (!socket_ || fds.size() > most_passed_fds) {
        return;
    }
    iovec part{const_cast<char *>(lines.data()), lines.size()};
    if (const std::int32_t r = send_fds(socket_.get(), {&part, 1}, fds); r < 0) {
        log().error("systemd cannot be told {}: {}", escaped(lines), std::strerror(-r));
    }
}

std::vector<std::pair<std::string, deputy::unique_fd>> passed_descriptors()
{
    std::vector<std::pair<std::string, deputy::unique_fd>> passed;
    const auto count = number(std::getenv("LISTEN_FDS"));
    if (!count || *count <= 0 || !is_for_us("LISTEN_PID")) {
        return passed;
    }
    const char *all_names = std::getenv("LISTEN_FDNAMES");
    std::string_view names = all_names == nullptr ? "" : all_names;
    for (int fd = first_passed; fd < first_passed + *count; ++fd) {
        const std::size_t colon = names.find(':');
        std::string name(names.substr(0, colon));
        names = colon == names.npos ? "" : names.substr(colon + 1);
        const int flags = fcntl(fd, F_GETFD);
        if (flags < 0) {
            log().error("LISTEN_FDS is {}, but descriptor {} is not open", *count, fd);
            break;
        }
        fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        passed.emplace_back(std::move(name), deputy::unique_fd(fd));
    }
    return passed;
}

void clear_service_environment()
{
    for (const char *variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
                                 "LISTEN_FDNAMES", "LISTEN_PIDFDID", "FDSTORE"}) {
        unsetenv(variable);
    }
}

} // namespace deputyd
