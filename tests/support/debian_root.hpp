// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/file.h>

#include "support/process.hpp"

namespace deputyd::test
{

/// A Debian 12 with systemd as a directory tree. Made with debootstrap where it is missing (about a minute,
/// and it needs a Debian mirror), then kept for the next time: do not change it, copy it.
inline std::filesystem::path debian_root()
{
    namespace fs = std::filesystem;
    const char *cache = std::getenv("XDG_CACHE_HOME");
    const fs::path directory =
        fs::path(cache == nullptr || *cache == '\0' ? "/var/cache" : cache) / "deputy-tests";
    const fs::path root = directory / "bookworm-systemd", unfinished = directory / "bookworm-systemd.new";
    fs::create_directories(directory);
    const deputy::unique_fd lock(::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    ::flock(lock.get(), LOCK_EX); // two tests may want it at once
    if (!fs::exists(root)) {
        fs::remove_all(unfinished);
        const outcome made =
            run({"debootstrap", "--variant=minbase", "--include=systemd,dbus", "bookworm", unfinished},
                {.timeout = std::chrono::minutes(10)});
        if (made.status != 0) {
            throw std::runtime_error("debootstrap failed: " + made.out + made.err);
        }
        fs::remove_all(unfinished / "var/cache/apt");
        fs::rename(unfinished, root);
    }
    return root;
}

} // namespace deputyd::test
