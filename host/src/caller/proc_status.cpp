// SPDX-License-Identifier: Apache-2.0
#include "caller/proc_status.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "caller/proc_file.hpp"

namespace deputyd
{
namespace
{

/// Takes the next number off the text, in the base. @return false if there is none.
template <class Number> bool take_number(std::string_view &text, Number &number, int base)
{
    const auto start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
        return false;
    }
    text.remove_prefix(start);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (failure != std::errc{}) {
        return false;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

bool take_four(std::string_view text, std::uint32_t (&numbers)[4])
{
    for (auto &n : numbers) {
        if (!take_number(text, n, 10)) {
            return false;
        }
    }
    return true;
}

bool starts(std::string_view &line, std::string_view key)
{
    if (!line.starts_with(key)) {
        return false;
    }
    line.remove_prefix(key.size());
    return true;
}

int open_status(int proc) noexcept
{
    const int fd = ::openat(proc, "status", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? (errno == ENOENT ? -ESRCH : -errno) : fd;
}

/// Reads to the end of the file or of the buffer.
ssize_t read_some(int fd, char *buffer, std::size_t size) noexcept
{
    ssize_t n = 0;
    do {
        n = ::read(fd, buffer, size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

} // namespace

deputy::result<proc_status> parse_status(std::string_view text)
{
    proc_status s;
    unsigned found = 0;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        // The name comes first and is the caller's to choose; the kernel escapes its newlines.
        if (starts(line, "Umask:")) {
            found |= take_number(line, s.umask, 8) ? 1U : 0U;
        } else if (starts(line, "Tgid:")) {
            found |= take_number(line, s.tgid, 10) ? 2U : 0U;
        } else if (starts(line, "Uid:")) {
            found |= take_four(line, s.uid) ? 4U : 0U;
        } else if (starts(line, "Gid:")) {
            found |= take_four(line, s.gid) ? 8U : 0U;
        } else if (starts(line, "CapEff:")) {
            found |= take_number(line, s.effective_capabilities, 16) ? 16U : 0U;
        } else if (starts(line, "Groups:")) {
            found |= 32U;
            for (std::uint32_t group = 0; take_number(line, group, 10);) {
                s.groups.push_back(group);
            }
        }
    }
    if (found != 63U) {
        return deputy::error{EPROTO};
    }
    return s;
}

deputy::result<proc_status> read_status(int proc)
{
    const auto text = read_proc_file(proc, "status");
    if (!text) {
        return deputy::error{text.error_number()};
    }
    return parse_status(*text);
}

bool has_caught_signal(std::uint32_t tid) noexcept
{
    char text[4096]; // a line, or a part of the one of the groups
    std::snprintf(text, sizeof text, "/proc/%u/status", tid);
    std::FILE *file = std::fopen(text, "re");
    if (file == nullptr) {
        return false;
    }
    std::uint64_t pending = 0;
    std::uint64_t blocked = 0;
    std::uint64_t caught = 0;
    while (std::fgets(text, sizeof text, file) != nullptr) {
        std::string_view line = text;
        std::uint64_t set = 0;
        if (starts(line, "SigPnd:") || starts(line, "ShdPnd:")) {
            pending |= take_number(line, set, 16) ? set : 0;
        } else if (starts(line, "SigBlk:")) {
            take_number(line, blocked, 16);
        } else if (starts(line, "SigCgt:")) {
            take_number(line, caught, 16);
        }
    }
    std::fclose(file);
    return (pending & caught & ~blocked) != 0;
}

std::int32_t read_tgid(int proc) noexcept
{
    const int fd = open_status(proc);
    if (fd < 0) {
        return fd;
    }
    char buffer[1024]; // Tgid is the fourth line
    const ssize_t n = read_some(fd, buffer, sizeof buffer);
    ::close(fd);
    if (n < 0) {
        return static_cast<std::int32_t>(n);
    }
    const std::string_view text{buffer, static_cast<std::size_t>(n)};
    const auto at = text.find("\nTgid:");
    std::int32_t tgid = 0;
    if (at == std::string_view::npos) {
        return -EPROTO;
    }
    std::string_view rest = text.substr(at + 6);
    return take_number(rest, tgid, 10) ? tgid : -EPROTO;
}

} // namespace deputyd
