// SPDX-License-Identifier: Apache-2.0
#include "caller/proc_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace deputyd
{

deputy::result<std::string> read_proc_file(int proc, const char *name)
{
    const deputy::unique_fd fd{::openat(proc, name, O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        return deputy::error{errno == ENOENT ? ESRCH : errno};
    }
    std::string text;
    for (std::size_t filled = 0;;) {
        text.resize(filled + 4096);
        const ssize_t n = ::read(fd.get(), text.data() + filled, text.size() - filled);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return deputy::error{errno};
        }
        filled += static_cast<std::size_t>(n);
        if (n == 0) {
            text.resize(filled);
            return text;
        }
    }
}

} // namespace deputyd
