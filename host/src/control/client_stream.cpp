// SPDX-License-Identifier: Apache-2.0
#include "control/client_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace deputyd
{

bool client_stream::wait(short events, clock::time_point until) const noexcept
{
    pollfd p{fd_, events, 0};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
        if (left <= 0) {
            return false;
        }
        const int n = ::poll(&p, 1, static_cast<int>(left));
        if (n > 0 || (n < 0 && errno != EINTR)) {
            return n > 0; // an error too is for read() and write() to find
        }
    }
}

client_stream::clock::time_point client_stream::answer_by() const noexcept
{
    return endless_ || !answered_by_ ? clock::now() + request_time : *answered_by_;
}

bool client_stream::is_readable() const
{
    return begin_ != end_ || wait(POLLIN, request_by_);
}

bool client_stream::is_writable() const
{
    return wait(POLLOUT, answer_by());
}

ssize_t client_stream::read(char *to, std::size_t size)
{
    if (begin_ == end_) {
        if (allowed_ == 0 || !wait(POLLIN, request_by_)) {
            return -1;
        }
        const ssize_t n = ::recv(fd_, buffer_.data(), std::min(buffer_.size(), allowed_), MSG_DONTWAIT);
        if (n <= 0) {
            return n;
        }
        begin_ = 0;
        end_ = static_cast<std::size_t>(n);
        allowed_ -= end_;
    }
    const std::size_t taken = std::min(size, end_ - begin_);
    std::copy_n(buffer_.data() + begin_, taken, to);
    begin_ += taken;
    return static_cast<ssize_t>(taken);
}

ssize_t client_stream::write(const char *from, std::size_t size)
{
    if (!answered_by_) {
        answered_by_ = clock::now() + answer_time;
    }
    return wait(POLLOUT, answer_by()) ? ::send(fd_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
}

} // namespace deputyd
