// SPDX-License-Identifier: Apache-2.0
#include "daemon/listening_socket.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

namespace deputyd
{
namespace
{

constexpr int backlog = 4096;

[[noreturn]] void refuse(const socket_config &config, std::string_view reason)
{
    throw std::runtime_error(fmt::format("socket {}: {}", config.path.string(), reason));
}

int type_of(protocol speaks)
{
    return speaks == protocol::oci ? SOCK_STREAM : SOCK_SEQPACKET;
}

deputy::unique_fd make_socket(const socket_config &config)
{
    deputy::unique_fd fd(socket(AF_UNIX, type_of(config.speaks) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        refuse(config, std::strerror(errno));
    }
    return fd;
}

sockaddr_un address_of(const socket_config &config)
{
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    const std::string path = config.path.string();
    if (path.size() >= sizeof a.sun_path) {
        refuse(config, "its path is too long, 107 bytes are the most");
    }
    std::memcpy(a.sun_path, path.data(), path.size());
    return a;
}

/// Removes a socket that a process left which is gone.
void remove_stale(const socket_config &config)
{
    struct stat st {
    };
    if (lstat(config.path.c_str(), &st) != 0) {
        return;
    }
    if (!S_ISSOCK(st.st_mode)) {
        refuse(config, "there is something that is no socket: remove it, or configure another path");
    }
    const deputy::unique_fd probe = make_socket(config);
    const sockaddr_un a = address_of(config);
    if (connect(probe.get(), reinterpret_cast<const sockaddr *>(&a), sizeof a) == 0 ||
        errno != ECONNREFUSED) {
        refuse(config, "another process listens on it: stop that one, or choose another --socket-dir");
    }
    if (unlink(config.path.c_str()) != 0) {
        refuse(config, fmt::format("the old one cannot be removed: {}", std::strerror(errno)));
    }
}

void make_directory(const socket_config &config)
{
    const auto directory = config.path.parent_path();
    if (mkdir(directory.c_str(), 0755) == 0) {
        if (chmod(directory.c_str(), 0755) != 0) { // whatever the umask is
            refuse(config, std::strerror(errno));
        }
    } else if (errno != EEXIST) {
        refuse(config, fmt::format("its directory cannot be made: {}", std::strerror(errno)));
    }
}

} // namespace

deputy::unique_fd bind_socket(const socket_config &config)
{
    make_directory(config);
    remove_stale(config);
    deputy::unique_fd fd = make_socket(config);
    const sockaddr_un a = address_of(config);
    const mode_t before = umask(0177);
    const int bound = bind(fd.get(), reinterpret_cast<const sockaddr *>(&a), sizeof a);
    const int number = errno;
    umask(before);
    if (bound != 0) {
        refuse(config, std::strerror(number));
    }
    // Nobody can connect before listen().
    set_access(config);
    if (listen(fd.get(), backlog) != 0) {
        refuse(config, std::strerror(errno));
    }
    return fd;
}

void set_access(const socket_config &config)
{
    const uid_t owner = config.owner.value_or(0);
    const gid_t group = config.group.value_or(0);
    const mode_t mode = config.group ? 0660 : 0600;
    struct stat st {
    };
    if (lstat(config.path.c_str(), &st) != 0) {
        refuse(config, std::strerror(errno));
    }
    if (st.st_uid != owner || st.st_gid != group) {
        // Closed to the old ones before it is open to the new.
        if (chmod(config.path.c_str(), 0600) != 0 || lchown(config.path.c_str(), owner, group) != 0) {
            refuse(config, fmt::format("its owner cannot be set: {}", std::strerror(errno)));
        }
    }
    if (chmod(config.path.c_str(), mode) != 0) {
        refuse(config, fmt::format("its mode cannot be set: {}", std::strerror(errno)));
    }
}

bool is_socket_of(int fd, const socket_config &config)
{
    sockaddr_un a{};
    socklen_t size = sizeof a;
    int type = 0;
    int listens = 0;
    socklen_t int_size = sizeof type;
    if (getsockname(fd, reinterpret_cast<sockaddr *>(&a), &size) != 0 || a.sun_family != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) != 0) {
        return false;
    }
    const std::size_t length = size - offsetof(sockaddr_un, sun_path);
    return std::string(a.sun_path, strnlen(a.sun_path, length)) == config.path.string() &&
           type == type_of(config.speaks) && listens != 0;
}

} // namespace deputyd
