// SPDX-License-Identifier: Apache-2.0
#include "rule.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdexcept>
#include <sys/vfs.h>

namespace open_plugin
{
namespace
{

constexpr std::uint32_t xfs_magic = 0x58465342; // XFS_SUPER_MAGIC is in no header of the kernel's interface

/// File systems that answer without another machine or a process of its own.
constexpr std::array<std::uint32_t, 7> quick = {TMPFS_MAGIC,   RAMFS_MAGIC,       EXT4_SUPER_MAGIC,
                                                xfs_magic,     BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
                                                SQUASHFS_MAGIC};

std::runtime_error wrong(const rule_text &text, const std::string &why)
{
    return std::runtime_error("the rule for " + text.path + ": " + why);
}

std::filesystem::path found(const rule_text &text)
{
    std::error_code error;
    auto path = std::filesystem::weakly_canonical(text.to, error);
    if (error) {
        throw wrong(text, text.to + " on the host: " + error.message() + "; correct the rule's \"to\"");
    }
    // What is not there yet keeps the slash that it was written with.
    return path.has_filename() || path == "/" ? path : path.parent_path();
}

} // namespace

rule::rule(const rule_text &text) : text_(text), name_(text.path.substr(text.path.rfind('/') + 1))
{
    auto directory = found(text);
    if (!text.prefix && directory != "/") {
        inner_ = directory.filename();
        directory = directory.parent_path();
    }
    base_.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct statfs fs {
    };
    if (!base_ || ::fstatfs(base_.get(), &fs) != 0) {
        throw wrong(text, "the directory " + directory.string() + " of the host cannot be opened: " +
                              std::generic_category().message(errno) + "; make it, or take the rule out");
    }
    if (text.prefix && fs.f_type == PROC_SUPER_MAGIC) {
        throw wrong(text, "a procfs has the host's own process in it: name single files");
    }
    slow_ = std::find(quick.begin(), quick.end(), static_cast<std::uint32_t>(fs.f_type)) == quick.end();
}

bool rule::covers(const std::string &location) const
{
    return location == path() || (prefix() && location.size() > path().size() &&
                                  location.starts_with(path()) && location[path().size()] == '/');
}

std::string rule::within(const std::string &rest) const
{
    if (!prefix()) {
        return (inner_.empty() ? "." : inner_) + rest;
    }
    return rest.empty() ? "." : rest;
}

std::uint64_t rule::resolve() const
{
    // A prefix shows one mount, as a bind mount of it would. A single file may be a mount itself.
    return RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH | (prefix() ? RESOLVE_NO_XDEV : RESOLVE_NO_SYMLINKS);
}

} // namespace open_plugin
