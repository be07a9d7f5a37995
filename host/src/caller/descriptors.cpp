// SPDX-License-Identifier: Apache-2.0
#include "caller/descriptors.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/pin.hpp"

namespace deputyd
{

std::int32_t get_descriptor(deputy_call *call, std::int32_t fd, std::int32_t *ret_fd)
{
    if (call->turn->answered()) {
        return -ECANCELED;
    }
    if (fd < 0) {
        return -EBADF;
    }
    const int pidfd = pin_pidfd(*call);
    if (pidfd < 0) {
        const std::int32_t valid = check_valid(*call);
        return valid < 0 ? valid : pidfd;
    }
    const long got = ::syscall(SYS_pidfd_getfd, pidfd, fd, 0U);
    const std::int32_t r = got < 0 ? -errno : 0;
    const std::int32_t valid = check_valid(*call);
    if (valid < 0 || r < 0) {
        if (got >= 0) {
            ::close(static_cast<int>(got));
        }
        return valid < 0 ? valid : r;
    }
    *ret_fd = static_cast<std::int32_t>(got);
    return 0;
}

} // namespace deputyd
