// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>

#include <deputy/plugin.hpp>

#include "support/background.hpp"

namespace deputyd::test
{

/// Puts this process, and what it starts, into a mount namespace with cgroup2 alone at /sys/fs/cgroup, as
/// container runtimes expect it (the machine may have a hybrid layout), and with subordinate ids for root and
/// for nobody, which the tools of rootless containers ask for. Undone by the destructor. Needs root and a
/// process with one thread.
class private_mounts
{
public:
    private_mounts()
        : before_(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)),
          directory_(std::filesystem::current_path())
    {
        must(unshare(CLONE_NEWNS), "unshare");
        must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts");
        while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0) {
        }
        must(mount("none", "/sys/fs/cgroup", "cgroup2", 0, nullptr), "cgroup2 at /sys/fs/cgroup");
        grant_subordinate_ids();
        must(mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr), "shared mounts");
    }
    ~private_mounts()
    {
        if (setns(before_.get(), CLONE_NEWNS) != 0) {
            _exit(1); // the tests after this one are not made for it
        }
        std::error_code none;
        std::filesystem::current_path(directory_, none);
    }
    private_mounts(const private_mounts &) = delete;
    private_mounts &operator=(const private_mounts &) = delete;

    /// Whose subordinate ids nobody's are: 65536 from here on.
    static constexpr unsigned nobodys_ids = 500'000;

private:
    static void grant_subordinate_ids()
    {
        const std::string text = "root:100000:400000\nnobody:" + std::to_string(nobodys_ids) + ":65536\n";
        const scratch_directory place;
        const auto file = place.path() / "ids";
        write_text(file, text);
        for (const char *name : {"/etc/subuid", "/etc/subgid"}) {
            must(mount(file.c_str(), name, nullptr, MS_BIND, nullptr), name);
        }
    }
    static void must(int result, const char *what)
    {
        if (result != 0) {
            throw std::system_error(errno, std::system_category(), what);
        }
    }

    deputy::unique_fd before_;
    std::filesystem::path directory_;
};

} // namespace deputyd::test
