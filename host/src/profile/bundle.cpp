// SPDX-License-Identifier: Apache-2.0
#include "profile/bundle.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace deputyd::profile
{
namespace
{

constexpr off_t largest_config = 64 * 1024 * 1024;
constexpr const char *config_name = "config.json";

[[noreturn]] void fail(const std::string &what, const std::string &file, int number = errno)
{
    throw std::runtime_error("cannot " + what + " " + file + ": " + std::strerror(number));
}

std::string read_all(int fd, const std::string &file, off_t size)
{
    std::string text(static_cast<std::size_t>(size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::read(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno != EINTR) {
            fail("read", file);
        }
        if (n == 0) {
            break;
        }
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    text.resize(done);
    return text;
}

void write_all(int fd, const std::string &file, const std::string &text)
{
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno != EINTR) {
            fail("write", file);
        }
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
}

/// A new file beside config.json, removed again unless it takes its place.
class replacement
{
public:
    replacement(int directory, const std::string &file, unsigned mode)
        : directory_(directory), name_(".config.json." + std::to_string(::getpid()))
    {
        fd_.reset(
            ::openat(directory, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
        if (!fd_) {
            fail("write beside", file);
        }
    }
    ~replacement()
    {
        if (fd_) {
            ::unlinkat(directory_, name_.c_str(), 0);
        }
    }
    replacement(const replacement &) = delete;
    replacement &operator=(const replacement &) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    void take_place(const std::string &file)
    {
        if (::renameat(directory_, name_.c_str(), directory_, config_name) != 0) {
            fail("replace", file);
        }
        fd_.reset();
    }

private:
    int directory_;
    std::string name_;
    deputy::unique_fd fd_;
};

} // namespace

std::optional<bundle> bundle::open(const std::string &directory)
{
    bundle b;
    b.name_ = directory + "/" + config_name;
    b.directory_.reset(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!b.directory_) {
        return std::nullopt;
    }
    const deputy::unique_fd file(
        ::openat(b.directory_.get(), config_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file && errno == ENOENT) {
        return std::nullopt;
    }
    struct stat st {
    };
    if (!file || ::fstat(file.get(), &st) != 0) {
        fail("open", b.name_);
    }
    if (!S_ISREG(st.st_mode) || st.st_size > largest_config) {
        throw std::runtime_error(b.name_ + " is no regular file of at most 64 MiB");
    }
    b.mode_ = st.st_mode & 07777;
    b.uid_ = st.st_uid;
    b.gid_ = st.st_gid;
    try {
        b.config_ = json::parse(read_all(file.get(), b.name_, st.st_size));
    } catch (const json::exception &e) {
        throw std::runtime_error(b.name_ + ": not JSON: " + e.what());
    }
    if (!b.config_.is_object()) {
        throw std::runtime_error(b.name_ + ": must be a JSON object");
    }
    return b;
}

std::optional<std::string> bundle::annotation(const char *name) const
{
    const auto annotations = config_.find("annotations");
    if (annotations == config_.end() || !annotations->is_object() || !annotations->contains(name)) {
        return std::nullopt;
    }
    const json &value = (*annotations)[name];
    if (!value.is_string()) {
        throw std::runtime_error(name_ + ": annotations." + name + " must be a text");
    }
    return value.get<std::string>();
}

void bundle::replace(const json &config)
{
    replacement file(directory_.get(), name_, mode_ & 0700);
    write_all(file.fd(), name_, config.dump());
    if (::fchown(file.fd(), uid_, gid_) != 0 || ::fchmod(file.fd(), mode_) != 0 || ::fsync(file.fd()) != 0) {
        fail("write beside", name_);
    }
    file.take_place(name_);
    config_ = config;
}

} // namespace deputyd::profile
