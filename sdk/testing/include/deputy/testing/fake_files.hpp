// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_FILES_HPP
#define DEPUTY_TESTING_FAKE_FILES_HPP

/// @file
/// The files of the fake caller: a real directory, as the user who runs the test.

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputy::testing
{

namespace detail
{
struct path_services;
} // namespace detail

/// A tree that is the caller's root and working directory. Tests fill it in through root(). Opening and
/// removing are real; a node is recorded, with an empty file in its place, as nobody but root may make
/// devices. Permissions are those of the user who runs the test: only grant's CAP_MKNOD is looked at. Any
/// thread.
class fake_files
{
public:
    struct node {
        std::uint32_t mode; ///< type and permissions, after the caller's umask
        std::uint64_t device;
        std::uint64_t grant; ///< capabilities that the plugin asked for
    };
    struct cover {
        std::string source, target; ///< names in the host
    };

    fake_files() = default;
    fake_files(const fake_files &) = delete;
    fake_files &operator=(const fake_files &) = delete;
    ~fake_files()
    {
        std::error_code ignored;
        if (!root_.empty()) {
            std::filesystem::remove_all(root_, ignored);
        }
    }

    /// The caller's root: an empty directory at first, removed with this object.
    const std::filesystem::path &root()
    {
        std::call_once(made_, [&] {
            std::string pattern = (std::filesystem::temp_directory_path() / "deputy-files-XXXXXX").string();
            if (::mkdtemp(pattern.data()) == nullptr) {
                throw std::system_error(errno, std::system_category(), pattern);
            }
            root_ = std::filesystem::canonical(pattern);
        });
        return root_;
    }
    /// The node that was made at a path below root(), if it is still there.
    std::optional<node> node_at(const std::filesystem::path &path)
    {
        struct stat st {
        };
        if (::lstat((root() / path.relative_path()).c_str(), &st) != 0) {
            return std::nullopt;
        }
        const std::lock_guard hold(mutex_);
        const auto found = nodes_.find({st.st_dev, st.st_ino});
        return found == nodes_.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] std::vector<cover> covers() const
    {
        const std::lock_guard hold(mutex_);
        return covers_;
    }

private:
    friend struct detail::path_services;

    // What the tables do. All return 0, a descriptor or length, or a negative errno.

    /// @param directory the caller's descriptor, or -1 for its working directory.
    std::int32_t resolve(int directory, const std::string &path, std::uint64_t flags)
    {
        if ((flags & ~static_cast<std::uint64_t>(O_NOFOLLOW | O_DIRECTORY)) != 0) {
            return -EINVAL;
        }
        return path.empty() ? -ENOENT : open_inside(directory, path, O_PATH | flags);
    }
    std::int32_t parent(int directory, const std::string &path, deputy_last &last)
    {
        const std::size_t end = path.find_last_not_of('/');
        if (path.empty() || path.size() >= PATH_MAX) {
            return path.empty() ? -ENOENT : -ENAMETOOLONG;
        }
        if (end == std::string::npos) {
            last.kind = DEPUTY_LAST_ROOT;
            return open_inside(-1, "/", O_PATH | O_DIRECTORY);
        }
        const std::size_t slash = path.find_last_of('/', end);
        const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
        const std::string name = path.substr(begin, end + 1 - begin);
        if (name.size() > NAME_MAX) {
            return -ENAMETOOLONG;
        }
        last.kind = name == "." ? DEPUTY_LAST_DOT : name == ".." ? DEPUTY_LAST_DOT_DOT : DEPUTY_LAST_NAME;
        last.trailing_slash = end + 1 < path.size() ? 1 : 0;
        if (last.kind == DEPUTY_LAST_NAME) {
            std::memcpy(last.name, name.c_str(), name.size() + 1);
        }
        return open_inside(directory, begin == 0 ? "." : path.substr(0, begin), O_PATH | O_DIRECTORY);
    }
    std::int32_t name_of(int fd, char *buffer, std::uint64_t size)
    {
        struct stat st {
        };
        if (::fstat(fd, &st) != 0) {
            return -errno;
        }
        const auto inside = below_root(fd);
        if (!inside || st.st_nlink == 0) {
            return -ENOENT;
        }
        const std::string name = "/" + *inside;
        if (name.size() >= size) {
            return -ENAMETOOLONG;
        }
        std::memcpy(buffer, name.c_str(), name.size() + 1);
        return static_cast<std::int32_t>(name.size());
    }
    std::int32_t mknod(int directory, const char *name, node made)
    {
        if (!is_component(name)) {
            return -EINVAL;
        }
        struct stat st {
        };
        if (::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            return -EEXIST;
        }
        if (errno != ENOENT) {
            return -errno;
        }
        const bool device = S_ISCHR(made.mode) || S_ISBLK(made.mode);
        if (device && (made.grant & (std::uint64_t{1} << CAP_MKNOD)) == 0) {
            return -EPERM;
        }
        const unique_fd file{::openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
                                      made.mode & 0777)};
        if (!file || ::fstat(file.get(), &st) != 0) {
            return -errno;
        }
        const std::lock_guard hold(mutex_);
        nodes_[{st.st_dev, st.st_ino}] = made;
        return 0;
    }
    /// Absolute paths are those of the machine that the test runs on.
    static std::int32_t open(int directory, const char *path, open_how how)
    {
        how.flags |= O_CLOEXEC;
        how.resolve |= RESOLVE_NO_MAGICLINKS;
        return openat2(directory, path, how);
    }
    std::int32_t unlink(int directory, const char *name, std::uint32_t flags)
    {
        struct stat st {
        };
        if (!is_component(name)) {
            return -EINVAL;
        }
        if (::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            ::unlinkat(directory, name, static_cast<int>(flags)) != 0) {
            return -errno;
        }
        const std::lock_guard hold(mutex_);
        nodes_.erase({st.st_dev, st.st_ino});
        return 0;
    }
    std::int32_t record_cover(int source, int target)
    {
        struct stat from {
        }, to{};
        if (::fstat(source, &from) != 0 || ::fstat(target, &to) != 0) {
            return -errno;
        }
        if (S_ISDIR(from.st_mode) != S_ISDIR(to.st_mode)) {
            return -ENOTDIR;
        }
        const std::lock_guard hold(mutex_);
        covers_.push_back({link_of(source), link_of(target)});
        return 0;
    }

    static bool is_component(std::string_view name)
    {
        return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
    }
    static std::int32_t openat2(int directory, const char *path, const open_how &how)
    {
        const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
        return fd < 0 ? -errno : static_cast<std::int32_t>(fd);
    }
    static std::string link_of(int fd)
    {
        char text[PATH_MAX];
        const ssize_t n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), text, sizeof text);
        return {text, n < 0 ? 0 : static_cast<std::size_t>(n)};
    }
    /// The name below the root, without a leading slash, if fd is there.
    std::optional<std::string> below_root(int fd)
    {
        const std::string whole = link_of(fd), above = root().string();
        if (whole == above) {
            return "";
        }
        return whole.compare(0, above.size() + 1, above + "/") == 0
                   ? std::optional(whole.substr(above.size() + 1))
                   : std::nullopt;
    }
    /// Opens a path of the caller; it does not leave the root, or directory if that is outside.
    std::int32_t open_inside(int directory, const std::string &path, std::uint64_t flags)
    {
        open_how how{};
        how.flags = flags | O_CLOEXEC;
        how.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT;
        const unique_fd top{::open(root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        if (directory < 0 || path.front() == '/') {
            return openat2(top.get(), path.c_str(), how);
        }
        if (const auto inside = below_root(directory)) {
            return openat2(top.get(), ("/" + *inside + "/" + path).c_str(), how);
        }
        how.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH;
        return openat2(directory, path.c_str(), how);
    }

    std::once_flag made_;
    std::filesystem::path root_;
    mutable std::mutex mutex_;
    std::map<std::pair<dev_t, ino_t>, node> nodes_;
    std::vector<cover> covers_;
};

} // namespace deputy::testing

#endif
