// SPDX-License-Identifier: Apache-2.0

/// @file
/// Descriptors of the caller, and numbers of its choice: serves dup(2), dup2(2) and dup3(2) by taking the
/// caller's descriptor and putting it back at the exact number.
///
/// With the setting `file` it captures: whatever a program puts at the descriptor `number` (2, its standard
/// error, by default) with dup2() or dup3(), a file of the host is put there instead. So a program that
/// sends its errors to /dev/null is heard from outside, and need not know.
///
///     deputy run --enable dup2 --set 'dup2.file="/var/log/captured"' -- sh -c 'ls /nowhere 2>/dev/null'
///
/// Errors, values and the order of checks are the kernel's; the new descriptor shares the open file
/// description of the old one. Differences:
/// - Taking and putting are two steps. Another thread that closes or replaces the old descriptor between
///   them comes too late.
/// - Descriptors made with O_PATH cannot be sent to another process. The kernel serves them: nothing was
///   decided by what it could read anew.
///
/// Capturing is no boundary: a number is also given by open(), fcntl(F_DUPFD) or SCM_RIGHTS. What it captures
/// is not to be trusted, since a container that holds the descriptor can truncate the file, and can fill it:
/// put it where that does no harm.

#include <climits>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <sys/stat.h>

#include <deputy/plugin.hpp>

namespace
{

using deputy::answer;

/// What a container gets instead of what it puts at a number.
struct capture {
    std::uint32_t number;
    deputy::unique_fd file;
};

/// Opens a file of the host to append to it, for the operator who named it.
deputy::unique_fd open_capture_file(const std::string &path)
{
    // O_NONBLOCK, lest a FIFO hold up the host until somebody reads it.
    deputy::unique_fd file(::open(
        path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600));
    if (!file) {
        throw std::system_error(errno, std::system_category(), "cannot open " + path + " to append to it");
    }
    struct stat status {
    };
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw std::system_error(EINVAL, std::system_category(),
                                path + " is no regular file: name one, or one that does not exist yet");
    }
    ::fcntl(file.get(), F_SETFL, O_APPEND); // the caller sees these flags
    return file;
}

class dup2_plugin
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = R"({
      "$schema": "http://json-schema.org/draft-07/schema#",
      "title": "Settings of dup2",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "number": {
          "description": "The descriptor that is captured, if a file is set.",
          "type": "integer", "minimum": 0, "maximum": 1048575, "default": 2
        },
        "file": {
          "description": "A regular file of the host, made where it is missing, to which it then leads.",
          "type": "string", "pattern": "^/"
        }
      }
    })";

    explicit dup2_plugin(deputy::host host) : host_(host) {}

    void register_handlers(deputy::registrar<dup2_plugin> &registrar)
    {
        registrar.on<&dup2_plugin::dup>("dup");
        registrar.on<&dup2_plugin::dup2>("dup2"); // not on arm64
        registrar.on<&dup2_plugin::dup3>("dup3");
    }

    void container_added(const deputy_container &container)
    {
        const deputy::settings settings(host_, container.id);
        if (!settings.has("/file")) {
            return;
        }
        auto made = std::make_shared<capture>(capture{static_cast<std::uint32_t>(settings.integer("/number")),
                                                      open_capture_file(settings.string("/file"))});
        const std::lock_guard hold(mutex_);
        captures_[container.id] = std::move(made);
    }

    void container_gone(std::uint64_t container)
    {
        const std::lock_guard hold(mutex_);
        captures_.erase(container);
    }

    answer dup(deputy::call &call) { return put(call, -1, 0); }

    answer dup2(deputy::call &call)
    {
        const std::uint32_t number = call.arg32(1);
        if (call.arg32(0) == number) {
            const auto old = take(call);
            return old ? answer::value(number) : answer::failure(old.error_number());
        }
        return replace(call, number, 0);
    }

    answer dup3(deputy::call &call)
    {
        const std::uint32_t number = call.arg32(1);
        const std::uint32_t flags = call.arg32(2);
        if ((flags & ~static_cast<std::uint32_t>(O_CLOEXEC)) != 0 || call.arg32(0) == number) {
            return answer::failure(EINVAL);
        }
        return replace(call, number, flags);
    }

private:
    /// The caller's old descriptor. Its number is unsigned in the kernel; none is above INT_MAX.
    static deputy::result<deputy::unique_fd> take(deputy::call &call)
    {
        auto old = call.descriptor(static_cast<std::int32_t>(call.arg32(0)));
        const int error = old.error_number();
        if (error != 0 && error != EBADF) {
            throw std::system_error(error, std::system_category(), "cannot take the caller's descriptor");
        }
        return old;
    }

    answer replace(deputy::call &call, std::uint32_t number, std::uint32_t flags)
    {
        if (number > INT_MAX) {
            return answer::failure(EBADF); // above every limit; the caller's own is the kernel's to check
        }
        return put(call, static_cast<std::int32_t>(number), flags);
    }

    /// Puts the old descriptor, or what is captured instead, at the number, or the lowest free for -1.
    answer put(deputy::call &call, std::int32_t number, std::uint32_t flags)
    {
        auto old = take(call);
        if (!old) {
            return answer::failure(old.error_number());
        }
        if (auto captured = captured_at(call.container(), number)) {
            return answer::descriptor(std::move(captured), flags, number);
        }
        if ((::fcntl(old->get(), F_GETFL) & O_PATH) != 0) {
            return answer::proceed();
        }
        return answer::descriptor(std::move(*old), flags, number);
    }

    /// A descriptor of the container's file if the number is captured, else none.
    deputy::unique_fd captured_at(std::uint64_t container, std::int32_t number)
    {
        std::shared_ptr<const capture> found;
        {
            const std::shared_lock hold(mutex_);
            const auto it = captures_.find(container);
            if (it == captures_.end() || number < 0 ||
                it->second->number != static_cast<std::uint32_t>(number)) {
                return {};
            }
            found = it->second;
        }
        deputy::unique_fd copy(::fcntl(found->file.get(), F_DUPFD_CLOEXEC, 0));
        if (!copy) {
            throw std::system_error(errno, std::system_category(), "cannot duplicate the captured file");
        }
        return copy;
    }

    deputy::host host_;
    std::shared_mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<const capture>> captures_; ///< by container
};

} // namespace

// To leave O_PATH descriptors to the kernel.
DEPUTY_PLUGIN(dup2_plugin, DEPUTY_CAP_CONTINUE,
              "dup2\0"
              "1.0\0"
              "dup\0"
              "dup2\0"
              "dup3\0")
