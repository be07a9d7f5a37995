// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/file.h>

#include "support/process.hpp"
#include "support/tree_listing.hpp"

namespace deputyd::test
{

/// What tests keep for the next time: made where it is missing, by one test at once.
class test_cache
{
public:
    test_cache()
    {
        const char *cache = std::getenv("XDG_CACHE_HOME");
        directory_ =
            std::filesystem::path(cache == nullptr || *cache == '\0' ? "/var/cache" : cache) / "deputy-tests";
        std::filesystem::create_directories(directory_);
        lock_.reset(::open((directory_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        ::flock(lock_.get(), LOCK_EX);
    }
    [[nodiscard]] std::filesystem::path at(const std::string &name) const { return directory_ / name; }

private:
    std::filesystem::path directory_;
    deputy::unique_fd lock_;
};

inline void debootstrap(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "debootstrap");
    const outcome made = run(arguments, {.timeout = std::chrono::minutes(10)});
    if (made.status != 0) {
        throw std::runtime_error("debootstrap failed: " + made.out + made.err);
    }
}

/// A Debian 12 with systemd as a directory tree. Made with debootstrap where it is missing (about a minute,
/// and it needs a Debian mirror), then kept for the next time: do not change it, copy it.
inline std::filesystem::path debian_root()
{
    namespace fs = std::filesystem;
    const test_cache cache;
    const fs::path root = cache.at("bookworm-systemd"), unfinished = cache.at("bookworm-systemd.new");
    if (!fs::exists(root)) {
        fs::remove_all(unfinished);
        debootstrap({"--variant=minbase", "--include=systemd,dbus", "bookworm", unfinished});
        fs::remove_all(unfinished / "var/cache/apt");
        fs::rename(unfinished, root);
    }
    return root;
}

struct minbase_cache {
    std::filesystem::path packages; ///< for debootstrap --unpack-tarball
    std::filesystem::path listing;  ///< of the tree that root of this host makes of them
};

/// The packages of Debian's smallest system, and what debootstrap makes of them; kept likewise.
inline minbase_cache minbase()
{
    namespace fs = std::filesystem;
    const test_cache cache;
    const minbase_cache kept{cache.at("minbase.tgz"), cache.at("minbase.listing")};
    const fs::path unfinished = cache.at("minbase.new"), packages = cache.at("minbase.new.tgz");
    if (!fs::exists(kept.listing)) {
        fs::remove_all(unfinished);
        debootstrap({"--variant=minbase", "--make-tarball=" + packages.string(), "bookworm", unfinished});
        fs::remove_all(unfinished);
        debootstrap({"--variant=minbase", "--unpack-tarball=" + packages.string(), "bookworm", unfinished});
        fs::rename(packages, kept.packages);
        write_listing(list_tree(unfinished), cache.at("minbase.new.listing"));
        fs::rename(cache.at("minbase.new.listing"), kept.listing);
        fs::remove_all(unfinished);
    }
    return kept;
}

} // namespace deputyd::test
