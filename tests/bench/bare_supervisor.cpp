// SPDX-License-Identifier: Apache-2.0
#include "bare_supervisor.hpp"

#include <cstring>
#include <poll.h>
#include <sys/ioctl.h>

#include <linux/seccomp.h>

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP // kernel 6.6
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1ul
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

namespace deputy_bench
{
namespace
{

void serve(int listener)
{
    seccomp_notif request;
    for (;;) {
        std::memset(&request, 0, sizeof request);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) {
            pollfd state{listener, 0, 0};
            if (errno == ENOENT && poll(&state, 1, 0) == 0) {
                continue;
            }
            return;
        }
        seccomp_notif_resp response{request.id, 0, 0, 0};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
}

} // namespace

bare_supervisor::bare_supervisor(deputy::unique_fd listener) : listener_(std::move(listener))
{
    ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    thread_ = std::thread(serve, listener_.get());
}

bare_supervisor::~bare_supervisor()
{
    thread_.join();
}

} // namespace deputy_bench
